//! Panics that are part of the plan: caught, put into words, and not printed.
//!
//! Unwinding costs nothing where nothing panics; what is paid for each call is a flag that says to the
//! process's panic hook that somebody will report this one.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
    /// Where the panic being caught happened.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps panics inside [`catch`] from being printed; all others go to the hook that was there before.
pub fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                return before(panic);
            }
            let place = panic.location().map(ToString::to_string);
            // Whoever panics while this is borrowed gets no place; nobody does.
            PLACE.with(|kept| {
                if let Ok(mut kept) = kept.try_borrow_mut() {
                    *kept = place.unwrap_or_default();
                }
            });
        }));
    });
}

/// Does `work`; if it panics, says where and with which message.
///
/// # Errors
/// The panic in words.
#[inline(always)]
pub fn catch<R>(work: impl FnOnce() -> R) -> Result<R, Box<str>> {
    let outer = EXPECTED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    EXPECTED.set(outer);
    result.map_err(in_words)
}

#[cold]
fn in_words(panic: Box<dyn Any + Send>) -> Box<str> {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let place = PLACE.with(|place| std::mem::take(&mut *place.borrow_mut()));
    if place.is_empty() {
        return format!("panicked: {message}").into();
    }
    format!("panicked at {place}: {message}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place() {
        hush();
        let said = catch(|| panic!("seven of {}", 9)).expect_err("it panics");
        assert!(
            said.starts_with("panicked at src/failure/panic.rs:"),
            "{said}"
        );
        assert!(said.ends_with(": seven of 9"), "{said}");
        assert_eq!(catch(|| 5), Ok(5));
        let nested = catch(|| catch(|| panic!("in")).is_err()).expect("caught inside");
        assert!(nested && !EXPECTED.get());
    }
}
