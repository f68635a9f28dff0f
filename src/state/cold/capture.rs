//! The cold tier as it stands at a barrier: maps of its segments are handed over while events go on, once what they
//! speak of is on the disk.
//!
//! ```text
//!   barrier:  open frame ─► Write ─► Sync ──► … server: written, in the order asked ──► sync thread ──► synced
//!             map of each segment: copied when it is about to change, or in its turn once synced ─► end
//!   later:    a segment that becomes free and was there at the barrier stays pinned, until no epoch that can
//!             be restored is as old as the last barrier before
//! ```
//!
//! Invariant: when the part's epoch ends, every record that a map of it counts is on the disk.

use super::error::ColdError;
use super::layout::{LOCATIONS, Layout};
use super::message::Request;
use super::options::ColdOptions;
use super::segments::Segments;
use super::tier::Cold;
use crate::checkpoint::{Copied, OwedBlocks, Port};
use bytemuck::Pod;

/// What the log of values `V` is made of, for whoever writes it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogShape {
    /// Bytes of a record.
    pub record_bytes: u32,
    /// Bytes of a map.
    pub map_bytes: u32,
}

impl LogShape {
    /// Of tiers of `V` with these options.
    ///
    /// # Errors
    /// When the sizes in `options` do not fit each other or a record.
    pub fn of<V>(options: &ColdOptions) -> Result<LogShape, ColdError> {
        let layout = Layout::new(size_of::<V>(), options)?;
        Ok(LogShape {
            record_bytes: layout.record_bytes as u32,
            map_bytes: layout.map_bytes() as u32,
        })
    }
}

impl<V: Pod> Cold<V> {
    /// From now on it can be captured through `port`, with what it holds by now.
    pub fn connect(&mut self, port: Port) {
        const { assert!(LOCATIONS < 1 << 32) };
        self.segments.capture.version = 1;
        self.segments.count_as_changed();
        let owed = OwedBlocks::new(port, self.segments.count() as usize);
        self.segments.capture.owed = Some(Box::new(owed));
    }

    /// Whether it is connected to checkpoints.
    #[inline]
    pub fn takes_part(&self) -> bool {
        self.segments.capture.owed.is_some()
    }

    /// It is to be captured for `epoch` as it is now. Takes no longer for much than for little.
    pub fn capture(&mut self, epoch: u64) {
        if !self.takes_part() {
            return;
        }
        self.flush();
        let going: Vec<[u64; 2]> = self.waiting.going().collect();
        let Some(begun) = self.segments.begin(epoch, bytemuck::cast_slice(&going)) else {
            return;
        };
        if !begun || !self.is_synced() {
            // The disk is so far behind that the last epoch's sync is still under way.
            self.segments.give_up();
            return;
        }
        self.syncs += 1;
        self.ask(Request::Sync { number: self.syncs });
        self.publish();
    }

    /// Whether an epoch is being captured.
    #[inline(always)]
    pub fn is_captured(&self) -> bool {
        let owed = self.segments.capture.owed.as_ref();
        owed.is_some_and(|owed| owed.is_open())
    }

    /// Hands over up to `most` maps of the epoch that is being captured, if what they speak of is safe.
    pub fn capture_some(&mut self, most: usize) {
        if self.synced.has_failed() {
            self.segments.give_up();
        } else if self.is_synced() {
            self.segments.capture_some(most);
        }
    }

    /// Blocks copied for checkpoints so far.
    pub fn copied(&self) -> Copied {
        let owed = self.segments.capture.owed.as_ref();
        owed.map_or_else(Copied::default, |owed| owed.copied())
    }

    fn is_synced(&self) -> bool {
        self.synced.number() == self.syncs
    }
}

impl Segments {
    /// Begins `epoch`. `None` where no checkpoints are made; false: there was no room, and it is void already.
    fn begin(&mut self, epoch: u64, extras: &[u8]) -> Option<bool> {
        let (version, count) = (self.capture.version, self.count() as usize);
        let owed = self.capture.owed.as_mut()?;
        if !owed.begin(epoch, version, count, extras) {
            return None;
        }
        let (is_open, oldest) = (owed.is_open(), owed.oldest_epoch());
        self.capture.version += 1;
        self.capture.epoch = epoch;
        // Epochs are made one at a time: the one before is durable, and held, or void.
        self.unpin_before(oldest);
        Some(is_open)
    }

    fn give_up(&mut self) {
        if let Some(owed) = &mut self.capture.owed {
            owed.abort();
        }
    }

    fn capture_some(&mut self, most: usize) {
        let version = self.capture.version;
        let Some(mut owed) = self.capture.owed.take() else {
            return;
        };
        owed.in_turn(
            version,
            most,
            |number| self.map(number).1,
            |port, number| {
                port.plain_block(number as u64, self.map(number).0);
            },
        );
        self.capture.owed = Some(owed);
    }
}
