//! Going through everything that is cold: at the end of a run, or when a watermark passes.
//!
//! The caller waits, so it takes the server's lock and does the server's work itself: what was asked for is
//! served first (the rings have room for all answers), then the live records are read in the order of the
//! file. So no other thread has to go on, and the simulator, which has none, can do it too.

use super::error::ColdError;
use super::layout;
use super::server::{Server, Shared};
use super::tier::Cold;
use crate::task::TaskError;
use bytemuck::Pod;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

/// The server, locked, with all requests answered.
fn served<'a, V: Pod>(
    shared: &'a Shared<V>,
    name: &str,
) -> Result<MutexGuard<'a, Server<V>>, TaskError> {
    // Relaxed: whoever sees it late holds the lock for one batch more.
    shared.wanted.store(true, Ordering::Relaxed);
    let locked = shared.server.lock();
    shared.wanted.store(false, Ordering::Relaxed);
    let Ok(mut server) = locked else {
        let name = name.to_owned();
        return Err(TaskError::from(ColdError::Helper { name }));
    };
    while server.serve() > 0 {}
    Ok(server)
}

impl<V: Pod> Cold<V> {
    /// Calls `each` with every cold entry, in the order of the file. Blocks: it does the server's work
    /// itself, so it needs no other thread to go on.
    ///
    /// # Errors
    /// When the file failed.
    pub fn for_each(&mut self, each: &mut dyn FnMut(u64, u64, &V)) -> Result<(), TaskError> {
        self.publish();
        let shared = self.shared.clone();
        let mut server = served(&shared, &self.name)?;
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

    /// Has all that was asked for answered, without waiting for who else would do it: the next
    /// [`Cold::poll`] brings the answers.
    ///
    /// # Errors
    /// When the helper has died.
    pub fn serve(&mut self) -> Result<(), TaskError> {
        self.publish();
        served(&self.shared, &self.name).map(drop)
    }

    /// Things people should know at the end of the run.
    pub fn notes(&self) -> Vec<String> {
        let server = self.shared.server.lock();
        server.map_or(Vec::new(), |server| server.storage.notes())
    }
}
