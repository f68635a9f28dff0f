//! Going through everything that is cold: at the end of a run, or when a watermark passes.
//!
//! The caller waits, so it takes the server's lock and does the server's work itself: what was asked for is
//! served first (the rings have room for all answers), then the live records are read in the order of the
//! file. So no other thread has to go on, and the simulator, which has none, can do it too.

use super::error::ColdError;
use super::layout;
use super::tier::Cold;
use crate::task::TaskError;
use bytemuck::Pod;
use std::sync::atomic::Ordering;

impl<V: Pod> Cold<V> {
    /// Calls `each` with every cold entry, in the order of the file. Blocks: it does the server's work
    /// itself, so it needs no other thread to go on.
    ///
    /// # Errors
    /// When the file failed.
    pub fn for_each(&mut self, each: &mut dyn FnMut(u64, u64, &V)) -> Result<(), TaskError> {
        self.publish();
        // Relaxed: whoever sees it late holds the lock for one batch more.
        let shared = self.shared.clone();
        shared.wanted.store(true, Ordering::Relaxed);
        let served = shared.server.lock();
        shared.wanted.store(false, Ordering::Relaxed);
        let Ok(mut server) = served else {
            let name = self.name.clone();
            return Err(TaskError::from(ColdError::Helper { name }));
        };
        while server.serve() > 0 {}
        if server.failed {
            drop(server);
            return self.poll(0, |_| ()).map(|_| ());
        }
        server.storage.check()?;
        let open = self.open.as_ref();
        for segment in 0..self.segments.count() as u32 {
            let mut from = 0;
            while let Some(location) = self.segments.next_live(segment, from) {
                from = self.layout.in_segment(location) + 1;
                let record = match open {
                    Some(open) if open.number == self.layout.frame_of(location) => {
                        let at = self.layout.record_of(location) * self.layout.record_bytes;
                        &bytemuck::cast_slice(&open.frame)[at..at + self.layout.record_bytes]
                    }
                    _ => server.record(location)?,
                };
                let (stamp, key, value) = layout::get(record);
                if !self.waiting.is_going(location, key) {
                    each(key, stamp, &value);
                }
            }
        }
        Ok(())
    }

    /// Things people should know at the end of the run.
    pub fn notes(&self) -> Vec<String> {
        let server = self.shared.server.lock();
        server.map_or(Vec::new(), |server| server.storage.notes())
    }
}
