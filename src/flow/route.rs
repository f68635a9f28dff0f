//! Routes: the key of an event, and the partition it goes to.

use crate::event::Event;
use crate::exchange::Route;
use crate::operator::KeyOf;
use crate::partition::hash::mum64;

/// By the hash of the key: each key has one partition, for the whole run.
#[derive(Clone, Debug)]
pub struct ByHash<K> {
    pub(super) key: K,
    pub(super) partitions: u64,
}

impl<T: Event, K: KeyOf<T>> Route<T> for ByHash<K> {
    #[inline(always)]
    fn partition(&mut self, event: &T) -> usize {
        // The low half chooses the partition, the high bits the slot within it (`state/table.rs`).
        let low = mum64((self.key)(event)) & 0xFFFF_FFFF;
        ((low * self.partitions) >> 32) as usize
    }
}

/// One partition after the other: for stages without state.
#[derive(Clone, Debug)]
pub struct Spread {
    pub(super) next: usize,
    pub(super) partitions: usize,
}

impl<T: Event> Route<T> for Spread {
    #[inline(always)]
    fn partition(&mut self, _: &T) -> usize {
        let chosen = self.next;
        self.next = if chosen + 1 == self.partitions {
            0
        } else {
            chosen + 1
        };
        chosen
    }
}
