//! The server: the half of a cold tier that owns the file, computes and verifies checksums, and may wait
//! for the disk. A helper thread steps it, or the simulator as just another task.
//!
//! ```text
//!   step:  look that the file is whole ─► ask for the lines of the records of the batch ─► answer in order
//! ```
//!
//! Requests are served in the order of their coming and each has one answer; so a frame is never
//! overwritten before an earlier read of it is served, and the rings, which have room for everything that
//! may be under way, are never full.

use super::error::ColdError;
use super::layout::{self, Layout};
use super::message::{Answer, Frame, Request};
use super::storage::Storage;
use super::sync::{Sync, Syncer};
use crate::checkpoint::record;
use crate::sys::memory::prefetch_read;
use crate::task::{Context, Figures, Progress, Task, TaskError};
use bytemuck::Pod;
use rtrb::{Consumer, Producer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Requests of one batch: as many lines as are asked for before the first is used, and the longest that the
/// task's half waits for the lock.
pub(super) const BATCH: usize = 64;

/// The file and the server's ends of the rings.
pub(super) struct Server<V> {
    pub(super) requests: Consumer<Request>,
    pub(super) answers: Producer<Answer<V>>,
    pub(super) storage: Box<dyn Storage>,
    pub(super) layout: Layout,
    pub(super) grow_bytes: u64,
    /// How often each frame has been written.
    pub(super) turns: Vec<u32>,
    pub(super) failed: bool,
    pub(super) sync: Sync,
}

/// What both halves hold: the task's half takes the lock only to go through everything cold.
pub(super) struct Shared<V> {
    pub(super) server: Mutex<Server<V>>,
    /// The task's half wants the lock.
    pub(super) wanted: AtomicBool,
}

/// The half of a cold tier that reads and writes, as a task.
pub struct ColdServer<V: Pod> {
    pub(super) shared: Arc<Shared<V>>,
}

impl<V: Pod> ColdServer<V> {
    /// Has `syncer` put what was written on the disk, where checkpoints ask for it.
    pub fn synced_by(self, syncer: Syncer) -> Self {
        if let Ok(mut server) = self.shared.server.lock() {
            server.sync.syncer = Some(syncer);
        }
        self
    }
}

impl<V: Pod> Server<V> {
    /// Serves one batch; how many requests there were. Errors are handed to the task's half.
    pub(super) fn serve(&mut self) -> usize {
        let count = self.requests.slots().min(BATCH);
        if count == 0 || self.failed {
            return 0;
        }
        if let Err(error) = self.batch(count) {
            self.failed = true;
            self.storage.keep();
            // There is room: an answer that was due has not been given.
            let _ = self.answers.push(Answer::Failed {
                error: Box::new(error),
            });
        }
        count
    }

    fn batch(&mut self, count: usize) -> Result<(), ColdError> {
        self.storage.check()?;
        let Ok(chunk) = self.requests.read_chunk(count) else {
            return Ok(());
        };
        let (first, second) = chunk.as_slices();
        for request in first.iter().chain(second) {
            if let Request::Read { location, .. } | Request::Move { location } = request {
                let bytes = self
                    .storage
                    .peek(self.layout.offset(*location), self.layout.record_bytes);
                for line in 0..self.layout.record_bytes.div_ceil(64) {
                    prefetch_read(bytes, line * 64);
                }
            }
        }
        for request in chunk {
            let answer = match request {
                Request::Read {
                    location,
                    slot,
                    key,
                } => {
                    let record = verified(
                        &*self.storage,
                        &self.layout,
                        &self.turns,
                        location,
                        Some(key),
                    )?;
                    let (stamp, found, value) = layout::get(record);
                    if found == key {
                        Answer::Found { slot, stamp, value }
                    } else {
                        Answer::NotThis { slot }
                    }
                }
                Request::Move { location } => {
                    let record =
                        verified(&*self.storage, &self.layout, &self.turns, location, None)?;
                    let (stamp, key, value) = layout::get(record);
                    Answer::Move {
                        location,
                        stamp,
                        key,
                        value,
                    }
                }
                Request::Write {
                    mut frame,
                    number,
                    records,
                } => {
                    write(
                        &mut *self.storage,
                        &self.layout,
                        &mut self.turns,
                        self.grow_bytes,
                        &mut frame,
                        number,
                        records,
                    )?;
                    Answer::Written { frame }
                }
                Request::Sync { number } => {
                    self.sync.begin(&mut *self.storage, number)?;
                    continue;
                }
            };
            if self.answers.push(answer).is_err() {
                unreachable!("the ring has room for an answer to every request");
            }
        }
        Ok(())
    }

    /// The verified record at `location`.
    pub(super) fn record(&self, location: u32) -> Result<&[u8], ColdError> {
        verified(&*self.storage, &self.layout, &self.turns, location, None)
    }
}

fn verified<'a>(
    storage: &'a dyn Storage,
    layout: &Layout,
    turns: &[u32],
    location: u32,
    wanted: Option<u64>,
) -> Result<&'a [u8], ColdError> {
    let offset = layout.offset(location);
    let record = storage.read(offset, layout.record_bytes)?;
    let turn = turns[layout.frame_of(location) as usize];
    let (found, computed) = record::checksums(record, location, turn);
    if found == computed {
        return Ok(record);
    }
    Err(ColdError::Corrupt {
        name: storage.name().to_owned(),
        location,
        offset,
        key: wanted.unwrap_or_else(|| record::key(record)),
        found,
        computed,
    })
}

fn write(
    storage: &mut dyn Storage,
    layout: &Layout,
    turns: &mut Vec<u32>,
    grow_bytes: u64,
    frame: &mut Frame,
    number: u32,
    records: u32,
) -> Result<(), ColdError> {
    let offset = layout.frame_offset(number);
    let end = offset + layout.frame_bytes as u64;
    if end > storage.len() {
        let steps = (end - layout::HEADER_BYTES).div_ceil(grow_bytes);
        storage.grow(layout::HEADER_BYTES + steps * grow_bytes)?;
    }
    if turns.len() <= number as usize {
        turns.resize(number as usize + 1, 0);
    }
    let turn = &mut turns[number as usize];
    *turn = turn.wrapping_add(1);
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(frame);
    let used = records as usize * layout.record_bytes;
    for (i, record) in bytes[..used]
        .chunks_exact_mut(layout.record_bytes)
        .enumerate()
    {
        record::seal(record, number << layout.record_bits | i as u32, *turn);
    }
    storage.write(offset, &bytes[..used])
}

impl<V: Pod + Send> Task for ColdServer<V> {
    fn step(&mut self, _: &mut Context) -> Result<Progress, TaskError> {
        // Relaxed: a late sight of it costs the other half one more batch of waiting.
        if self.shared.wanted.load(Ordering::Relaxed) {
            return Ok(Progress::Idle(None));
        }
        let Ok(mut server) = self.shared.server.lock() else {
            return Ok(Progress::Done); // the other half panicked while it held the lock
        };
        if server.serve() > 0 {
            return Ok(Progress::Worked);
        }
        if server.failed || (server.requests.is_abandoned() && server.requests.is_empty()) {
            return Ok(Progress::Done);
        }
        Ok(Progress::Idle(None))
    }

    fn figures(self: Box<Self>) -> Figures {
        Figures::default()
    }
}
