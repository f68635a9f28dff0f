//! A number for the calling thread: different for any two that run at the same time.

use std::cell::Cell;

thread_local! {
    static HERE: Cell<u8> = const { Cell::new(0) };
}

/// The address of something that each thread has of its own; never 0.
#[inline]
pub fn thread_tag() -> usize {
    HERE.with(|here| std::ptr::from_ref(here) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_run_together_differ() {
        let here = thread_tag();
        let there = std::thread::spawn(thread_tag).join().expect("it ends");
        assert!(here == thread_tag() && here != there && here != 0);
    }
}
