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

use crate::event::{Event, Message};
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
    enough: usize,
    producer: Producer<Message<E>>,
    kept: VecDeque<Message<E>>,
}

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
            enough,
            producer,
            kept,
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
        let written = (self.next as usize - self.start as usize) / size_of::<Message<E>>();
        self.fill() + written
    }

    /// What is written here and not yet published.
    #[inline]
    pub fn written(&self) -> &[Message<E>] {
        if self.next == self.start {
            return &[];
        }
        let written = (self.next as usize - self.start as usize) / size_of::<Message<E>>();
        // SAFETY: `start..next` are initialised and seen by nobody else before they are committed (invariant), for
        // which this outlet would have to be borrowed mutably.
        unsafe { std::slice::from_raw_parts(self.start, written) }
    }

    fn commit(&mut self) {
        let written = (self.next as usize - self.start as usize) / size_of::<Message<E>>();
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
