//! The protocol of one lane: which frames are whose. Numbers alone; the frames themselves lie in `region.rs`.
//!
//! ```text
//!   sender    room? ─► write frame `next` ─► publish: head + 1, Release
//!   receiver  waiting: head, Acquire ─► read frame `next` ─► release: tail + 1, Release
//!   frame n lies in slot (n - origin) % slots; origin moves up to head while the lane is empty
//! ```
//!
//! The sender's end is owned by a task, the receiver's by the writer; they share the three words alone. Compiled into
//! `tests/models.rs` as well, where the words are loom's.
//!
//! Invariants
//! 1. Frames `tail..head` belong to the receiver, all others to the sender: `head` is stored with Release
//!    after the frame was written and loaded with Acquire before it is read; `tail` likewise the other way.
//! 2. `origin` changes only while `tail == head`, before the next Release of `head`.

use crate::sys::sync::{AtomicU64, Ordering};

/// The words of a lane, wherever they lie, and its slots.
#[derive(Clone, Copy)]
pub(super) struct LaneWords<'a> {
    /// Frames sent; written by the sender.
    pub(super) head: &'a AtomicU64,
    /// The frame that lies in slot 0; written by the sender.
    pub(super) origin: &'a AtomicU64,
    /// Frames taken; written by the receiver.
    pub(super) tail: &'a AtomicU64,
    pub(super) slots: u64,
}

impl LaneWords<'_> {
    /// Where frame `number` lies.
    fn slot(&self, number: u64) -> u64 {
        (number - self.origin.load(Ordering::Relaxed)) % self.slots
    }
}

/// The sender's end.
#[derive(Debug)]
pub(super) struct SendEnd {
    /// Frames sent; this side alone writes it.
    head: u64,
    /// `tail` as last seen.
    tail: u64,
}

impl SendEnd {
    pub(super) fn new(words: LaneWords<'_>) -> Self {
        let head = words.head.load(Ordering::Relaxed);
        SendEnd { head, tail: head }
    }

    /// Free frames.
    pub(super) fn room(&mut self, words: LaneWords<'_>) -> u64 {
        let slots = words.slots;
        if self.head - self.tail >= slots / 2 {
            // Acquire pairs with the Release in `TakeEnd::release`: the slots are the sender's again.
            self.tail = words.tail.load(Ordering::Acquire);
        }
        slots - (self.head - self.tail)
    }

    /// Starts again with the first slot, if the lane is empty.
    pub(super) fn rewind(&mut self, words: LaneWords<'_>) {
        self.tail = words.tail.load(Ordering::Acquire);
        if self.tail == self.head {
            words.origin.store(self.head, Ordering::Relaxed);
        }
    }

    /// The slot of the next frame, for which there must be room: the sender's until it is published.
    pub(super) fn next(&self, words: LaneWords<'_>) -> u64 {
        assert!(self.head - self.tail < words.slots, "room was asked for");
        words.slot(self.head)
    }

    /// The next frame is whole.
    pub(super) fn publish(&mut self, words: LaneWords<'_>) {
        self.head += 1;
        // Release pairs with the Acquire in `TakeEnd::waiting`: the frame is whole before it is counted.
        words.head.store(self.head, Ordering::Release);
    }
}

/// The receiver's end.
#[derive(Debug)]
pub(super) struct TakeEnd {
    tail: u64,
}

impl TakeEnd {
    pub(super) fn new(words: LaneWords<'_>) -> Self {
        let tail = words.tail.load(Ordering::Relaxed);
        TakeEnd { tail }
    }

    /// Frames that may be read.
    pub(super) fn waiting(&self, words: LaneWords<'_>) -> u64 {
        // Acquire pairs with the Release in `SendEnd::publish`.
        words.head.load(Ordering::Acquire) - self.tail
    }

    /// The slot of the next frame, which must be waiting: the receiver's until it is released.
    pub(super) fn next(&self, words: LaneWords<'_>) -> u64 {
        words.slot(self.tail)
    }

    /// The next frame was read.
    pub(super) fn release(&mut self, words: LaneWords<'_>) {
        self.tail += 1;
        // Release pairs with the Acquire in `SendEnd::room`.
        words.tail.store(self.tail, Ordering::Release);
    }
}
