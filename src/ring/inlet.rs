//! The consumer's end of a ring.
//!
//! Owned by one task. Messages are read where they lie, as slices, and given back to the producer together.

use crate::event::{Event, Message};
use rtrb::Consumer;

/// The consumer's end of a ring.
#[derive(Debug)]
pub struct Inlet<E> {
    consumer: Consumer<Message<E>>,
}

impl<E: Event> Inlet<E> {
    pub(super) fn new(consumer: Consumer<Message<E>>) -> Self {
        Inlet { consumer }
    }

    /// Hands at most `budget` waiting messages to `take`, in one or two slices in order, and frees those
    /// that it says it took. `take` also says whether it would take more; the second slice is handed over
    /// only then. Returns how many were taken.
    #[inline]
    pub fn take(
        &mut self,
        budget: usize,
        mut take: impl FnMut(&[Message<E>]) -> (usize, bool),
    ) -> usize {
        let waiting = self.consumer.slots().min(budget);
        if waiting == 0 {
            return 0;
        }
        let Ok(chunk) = self.consumer.read_chunk(waiting) else {
            return 0;
        };
        let (first, second) = chunk.as_slices();
        let (mut taken, more) = take(first);
        if more && !second.is_empty() {
            taken += take(second).0;
        }
        chunk.commit(taken);
        taken
    }

    /// Messages there is room for in the whole ring.
    pub fn slots(&self) -> usize {
        self.consumer.buffer().capacity()
    }

    /// Messages that wait.
    pub fn waiting(&self) -> usize {
        self.consumer.slots()
    }

    /// Whether a message waits.
    pub fn has_waiting(&self) -> bool {
        !self.consumer.is_empty()
    }
}
