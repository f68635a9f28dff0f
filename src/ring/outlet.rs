//! The producer's end of a ring.
//!
//! Owned by one task. Messages are written straight into the free slots of the ring, with nothing staged
//! and copied, and published together:
//!
//! ```text
//!   reserve:  ask the ring once for all slots that are free and lie side by side  (room)
//!   push:     write the next of them                                              (written ≤ room)
//!   flush:    publish what is written, in one Release store
//! ```
//!
//! When the ring is full, `push` keeps the message here, in order; `flush` moves it when there is room.
//! The producer stops working while anything is kept, so what can be kept is bounded by one step.
//!
//! Invariant: `next..next + room` are slots that the ring has granted to this producer and that the
//! consumer cannot see until they are committed; the first `written` of them are initialised.
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

/// The producer's end of a ring.
#[derive(Debug)]
pub struct Outlet<E> {
    producer: Producer<Message<E>>,
    next: *mut Message<E>,
    room: usize,
    written: usize,
    kept: VecDeque<Message<E>>,
    enough: usize,
    sent: u64,
}

// SAFETY: `next` points into the ring that `producer` owns one end of, and moves with it.
unsafe impl<E: Event> Send for Outlet<E> {}

impl<E: Event> Outlet<E> {
    pub(super) fn new(producer: Producer<Message<E>>) -> Self {
        let kept = VecDeque::with_capacity(KEPT_SLOTS);
        let enough = (producer.buffer().capacity() / REFILL_SHARE).max(1);
        Outlet {
            producer,
            next: std::ptr::null_mut(),
            room: 0,
            written: 0,
            kept,
            enough,
            sent: 0,
        }
    }

    /// Takes a message; it becomes visible with the next flush, or when the granted slots are used up.
    /// False when it had to be kept back.
    #[inline(always)]
    pub fn push(&mut self, message: Message<E>) -> bool {
        if self.written == self.room {
            return self.push_slow(message);
        }
        // SAFETY: `written < room`, so the slot is granted to us (invariant).
        unsafe { self.next.add(self.written).write(message) };
        self.written += 1;
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
        if self.written > 0 {
            self.commit();
        }
        self.kept.is_empty() || self.move_kept()
    }

    #[cold]
    #[inline(never)]
    fn move_kept(&mut self) -> bool {
        while let Some(&message) = self.kept.front() {
            if self.written == self.room && !self.reserve() {
                break;
            }
            self.kept.pop_front();
            // SAFETY: `written < room` after `reserve` (invariant).
            unsafe { self.next.add(self.written).write(message) };
            self.written += 1;
        }
        self.commit();
        self.kept.is_empty()
    }

    /// Messages published or written so far, kept ones left out.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    fn commit(&mut self) {
        let written = std::mem::take(&mut self.written);
        self.sent += written as u64;
        if let Ok(chunk) = self.producer.write_chunk_uninit(written) {
            // SAFETY: the first `written` free slots were initialised by `push` (invariant).
            unsafe { chunk.commit_all() };
        }
        self.next = self.next.wrapping_add(written);
        self.room -= written;
    }

    /// Commits, then asks the ring for the free slots that lie side by side; whether there is one.
    fn reserve(&mut self) -> bool {
        if self.written > 0 {
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
        self.next = first.as_mut_ptr().cast();
        self.room = first.len();
        self.room > 0
    }
}
