//! The producer's end of a ring.
//!
//! Owned by one task. Messages are written straight into the free slots of the ring, with nothing staged
//! and copied, and published together:
//!
//! ```text
//!   reserve:  ask the ring once for all slots that are free and lie side by side    start..end
//!   push:     write the next of them                                                next ≤ end
//!   flush:    publish what is written, in one Release store                         start = next
//! ```
//!
//! When the ring is full, `push` keeps the message here, in order; `flush` moves it when there is room.
//! The producer stops working while anything is kept, so what can be kept is bounded by one step.
//!
//! Invariant: `start..end` are slots that the ring has granted to this producer and that the consumer
//! cannot see until they are committed; those before `next` are initialised.
#![allow(unsafe_code)]

use crate::event::{Event, Marker, Message};
use rtrb::Producer;
use rtrb::chunks::ChunkError;
use std::collections::VecDeque;

/// What a step may push beyond the room of the ring without an allocation.
const KEPT_SLOTS: usize = 64;
/// After a full ring the producer waits for this share of it, not for one slot: two cores that hand over
/// slot by slot pass the ring's lines back and forth for each.
const REFILL_SHARE: usize = 8;

/// The producer's end of a ring. Two cache lines, so that finding one lane among many is a shift.
#[derive(Debug)]
#[repr(align(128))]
pub struct Outlet<E> {
    next: *mut Message<E>,
    end: *mut Message<E>,
    start: *mut Message<E>,
    sent: u64,
    markers: u64,
    enough: usize,
    producer: Producer<Message<E>>,
    kept: VecDeque<Message<E>>,
    /// The last message that was published since the granted slots were used up, and its place among all that were
    /// sent; [`NONE`] before there was one. In a box, as it is rarely looked at.
    early_at: u64,
    early: Box<Option<Message<E>>>,
}

const NONE: u64 = u64::MAX;

// SAFETY: the pointers lead into the ring that `producer` owns one end of, and move with it.
unsafe impl<E: Event> Send for Outlet<E> {}

impl<E: Event> Outlet<E> {
    pub(super) fn new(producer: Producer<Message<E>>) -> Self {
        let kept = VecDeque::with_capacity(KEPT_SLOTS);
        let enough = (producer.buffer().capacity() / REFILL_SHARE).max(1);
        let none = std::ptr::null_mut();
        Outlet {
            next: none,
            end: none,
            start: none,
            sent: 0,
            markers: 0,
            enough,
            producer,
            kept,
            early_at: NONE,
            early: Box::new(None),
        }
    }

    /// Takes a message; it becomes visible with the next flush, or when the granted slots are used up.
    /// False when it had to be kept back.
    #[inline(always)]
    pub fn push(&mut self, message: Message<E>) -> bool {
        let next = self.next;
        if next == self.end {
            return self.push_slow(message);
        }
        // SAFETY: `next < end`, so the slot is granted to us (invariant), and the slot after it is at most
        // `end`.
        self.next = unsafe {
            next.write(message);
            next.add(1)
        };
        true
    }

    /// The same for a marker, which is counted.
    pub fn push_marker(&mut self, marker: Marker) -> bool {
        self.markers += 1;
        self.push(Message::Marker(marker))
    }

    /// Markers among all messages taken so far.
    pub fn markers(&self) -> u64 {
        self.markers
    }

    #[cold]
    #[inline(never)]
    fn push_slow(&mut self, message: Message<E>) -> bool {
        if self.kept.is_empty() && self.reserve() {
            return self.push(message);
        }
        self.kept.push_back(message);
        false
    }

    /// Publishes; false while something is kept back.
    #[inline]
    pub fn flush(&mut self) -> bool {
        if self.next != self.start {
            self.commit();
        }
        self.kept.is_empty() || self.move_kept()
    }

    #[cold]
    #[inline(never)]
    fn move_kept(&mut self) -> bool {
        while let Some(&message) = self.kept.front() {
            if self.next == self.end && !self.reserve() {
                break;
            }
            self.kept.pop_front();
            self.push(message);
        }
        self.commit();
        self.kept.is_empty()
    }

    /// Messages there is room for in the whole ring.
    pub fn slots(&self) -> usize {
        self.producer.buffer().capacity()
    }

    /// Messages published so far, markers included.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Messages that the consumer has not taken yet, those kept back included; a moment old, since it goes on taking
    /// them. Reads a line that the consumer writes.
    pub fn fill(&self) -> usize {
        let slots = self.producer.buffer().capacity();
        slots - self.producer.slots() + self.kept.len()
    }

    /// The same with what is written here and not yet published.
    pub fn waiting(&self) -> usize {
        self.fill() + self.written()
    }

    /// What can be looked at before it is published: how many messages were sent before these, and how many they are.
    /// Those that are written; or, of a ring that ran full since, the last one that was.
    #[inline]
    pub fn visible(&self) -> (u64, usize) {
        if self.next != self.start {
            (self.sent, self.written())
        } else {
            (self.early_at, usize::from(self.early_at != NONE))
        }
    }

    /// These messages.
    pub fn visible_messages(&self) -> &[Message<E>] {
        if self.next == self.start {
            return self.early.as_slice();
        }
        // SAFETY: `start..next` are initialised and seen by nobody else before they are committed (invariant), for
        // which this outlet would have to be borrowed mutably.
        unsafe { std::slice::from_raw_parts(self.start, self.written()) }
    }

    fn written(&self) -> usize {
        (self.next as usize - self.start as usize) / size_of::<Message<E>>()
    }

    fn commit(&mut self) {
        let written = self.written();
        self.sent += written as u64;
        if let Ok(chunk) = self.producer.write_chunk_uninit(written) {
            // SAFETY: the first `written` free slots were initialised by `push` (invariant).
            unsafe { chunk.commit_all() };
        }
        self.start = self.next;
    }

    /// Commits, then asks the ring for the free slots that lie side by side; whether there is one.
    fn reserve(&mut self) -> bool {
        if self.next != self.start {
            // SAFETY: `start < next`, so the slot before `next` is initialised (invariant); a message is `Copy`.
            *self.early = Some(unsafe { self.next.sub(1).read() });
            self.early_at = self.sent + self.written() as u64 - 1;
            self.commit();
        }
        let free = self.producer.slots();
        if free < self.enough {
            return false;
        }
        let mut chunk = match self.producer.write_chunk_uninit(free) {
            Ok(chunk) => chunk,
            Err(ChunkError::TooFewSlots(_)) => return false,
        };
        let (first, _) = chunk.as_mut_slices();
        let granted = first.as_mut_ptr_range();
        (self.start, self.next, self.end) = (
            granted.start.cast(),
            granted.start.cast(),
            granted.end.cast(),
        );
        self.next != self.end
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring;
    use super::*;
    use crate::event::Due;

    /// What can be looked at, with its place.
    fn seen(outlet: &Outlet<u64>) -> Vec<(u64, u64)> {
        let (first, count) = outlet.visible();
        let messages = outlet.visible_messages();
        assert_eq!(messages.len(), count);
        let event = |(at, message): (u64, &Message<u64>)| match message {
            Message::Event(_, event) => (at, *event),
            Message::Marker(marker) => panic!("nobody sent {marker:?}"),
        };
        (first..).zip(messages).map(event).collect()
    }

    #[test]
    fn what_is_written_can_be_looked_at_and_of_a_full_ring_the_last() {
        let (mut outlet, mut inlet) = ring::<u64>(8);
        let push =
            |outlet: &mut Outlet<u64>, event| outlet.push(Message::Event(Due::new(1), event));
        assert_eq!(seen(&outlet), []);
        assert!((0..3).all(|event| push(&mut outlet, event)));
        assert_eq!(seen(&outlet), [(0, 0), (1, 1), (2, 2)]);
        outlet.flush();
        assert_eq!(seen(&outlet), [], "published");
        // Eight fit, of which three are there; the ninth is kept, and all before it are published.
        assert!((3..8).all(|event| push(&mut outlet, event)));
        assert!(!push(&mut outlet, 8));
        assert_eq!(seen(&outlet), [(7, 7)]);
        assert!(!outlet.flush());
        assert_eq!(seen(&outlet), [(7, 7)], "still the last");
        assert_eq!(inlet.take(8, |messages| (messages.len(), true)), 8);
        assert!(outlet.flush());
        assert!(push(&mut outlet, 9));
        assert_eq!(seen(&outlet), [(9, 9)]);
    }
}
