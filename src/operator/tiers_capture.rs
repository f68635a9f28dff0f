//! The tiers of bounded state in a checkpoint: two parts, one for what is hot and one for what is cold.
//!
//! ```text
//!   hot table ──► part "aggregate-0":       entries, in blocks, and what operator and sink remember
//!   cold tier ──► part "aggregate-0-cold":  maps of its log, which stays where it is
//! ```

use super::Tiers;
use crate::checkpoint::{Copied, Port};
use crate::partition::mum64;
use crate::state::SetPolicy;
use crate::task::TaskError;
use bytemuck::Pod;

impl<V: Pod + Send, P: SetPolicy> Tiers<V, P> {
    /// From now on both can be captured, with what they hold by now, each through its port.
    pub fn connect(&mut self, hot: Port, cold: Port) {
        self.hot.connect(hot);
        self.cold.connect(cold);
    }

    /// Puts an entry back that a checkpoint kept, before the tiers are connected and before any event: into the hot
    /// table while its set has room, else into the cold tier. Blocks.
    ///
    /// # Errors
    /// When the cold tier's file fails.
    pub fn restore(&mut self, key: u64, stamp: u64, value: V) -> Result<(), TaskError> {
        let hash = mum64(key);
        if !self.hot.would_evict(hash) {
            self.hot.insert(hash, key, stamp, value, |_| {});
            return Ok(());
        }
        while !self.cold.has_room() {
            self.cold.serve()?;
            self.cold.poll(self.now_ns, |_| {})?;
        }
        self.cold.evict(hash, key, stamp, &value);
        Ok(())
    }

    #[inline]
    pub(in crate::operator) fn takes_part(&self) -> bool {
        self.cold.takes_part()
    }

    /// Keys, hot and cold.
    fn len(&self) -> u64 {
        self.hot.len() as u64 + self.cold.len()
    }

    /// Both are to be captured for `epoch` as they are now, together with what `extras` makes of the number of keys.
    pub(in crate::operator) fn capture(&mut self, epoch: u64, extras: impl FnOnce(u64) -> Vec<u8>) {
        let keys = self.len();
        self.hot.capture(epoch, &extras(keys));
        self.cold.capture(epoch);
    }

    #[inline(always)]
    pub(in crate::operator) fn is_captured(&self) -> bool {
        self.hot.is_captured() || self.cold.is_captured()
    }

    /// Hands over up to `most` blocks.
    pub(in crate::operator) fn capture_some(&mut self, most: usize) {
        if self.hot.is_captured() {
            self.hot.capture_some(most);
        } else {
            self.cold.capture_some(most);
        }
    }

    pub(in crate::operator) fn copied(&self) -> Copied {
        let mut copied = self.hot.copied();
        copied += self.cold.copied();
        copied
    }
}

#[cfg(test)]
#[path = "tiers_capture_tests.rs"]
mod tests;
