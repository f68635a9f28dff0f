//! The side lane of a ring: how the state of a split key goes from the task that sends its events to one that takes
//! them, and, once for each key, back.
//!
//! ```text
//!   sender   ── KeyState {key, …} ──►   partition     beside the ring of events
//!            ── marker ──────────────►                in it: take one from beside now
//!            ◄── (key, state) ────────                the answer to `Show`
//! ```
//!
//! One pair for each lane of an exchange; the sender owns one end, the partition the other. An order is
//! pushed before its marker, and rings publish in order, so whoever meets the marker finds the order. The sender
//! sees to it that there is room.

use crate::sys::thread_tag::thread_tag;
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Orders on their way on one lane.
const SLOTS: usize = 256;

/// What a partition is to do with the state of a key.
#[derive(Clone, Copy, Debug)]
pub enum KeyState<S> {
    /// Tell what it is.
    Show(u64),
    /// It is this from here on.
    Set(u64, S),
    /// Forget it: it is kept elsewhere.
    Forget(u64),
}

/// The sender's end.
#[derive(Debug)]
pub struct SideOutlet<S> {
    /// The thread that the partition was last stepped by; 0: none yet. Written there, a moment old here, which
    /// costs a worse choice and no more.
    stepped_by: Arc<AtomicUsize>,
    to: Producer<KeyState<S>>,
    answers: Consumer<(u64, S)>,
}

/// The partition's end.
#[derive(Debug)]
pub struct SideInlet<S> {
    stepped_by: Arc<AtomicUsize>,
    /// What was last written there.
    here: usize,
    from: Consumer<KeyState<S>>,
    answers: Producer<(u64, S)>,
}

/// Both ends.
pub fn side_lane<S>() -> (SideOutlet<S>, SideInlet<S>) {
    let (to, from) = RingBuffer::new(SLOTS);
    // A key is shown once while it is split, and asks for no more than there are orders.
    let (answers_in, answers) = RingBuffer::new(SLOTS);
    let stepped_by = Arc::new(AtomicUsize::new(0));
    (
        SideOutlet {
            stepped_by: stepped_by.clone(),
            to,
            answers,
        },
        SideInlet {
            stepped_by,
            here: 0,
            from,
            answers: answers_in,
        },
    )
}

impl<S> SideOutlet<S> {
    /// Orders there is room for.
    pub fn room(&self) -> usize {
        self.to.slots()
    }

    /// Whether the partition is stepped by the calling thread: what it does there, the sender waits for.
    pub fn is_here(&self) -> bool {
        // Relaxed: it guards nothing.
        self.stepped_by.load(Ordering::Relaxed) == thread_tag()
    }

    /// Sends one; its marker follows. Whether there was room.
    #[must_use]
    pub fn send(&mut self, order: KeyState<S>) -> bool {
        self.to.push(order).is_ok()
    }

    /// An answer to [`KeyState::Show`], if one has come.
    pub fn answer(&mut self) -> Option<(u64, S)> {
        self.answers.pop().ok()
    }
}

impl<S> SideInlet<S> {
    /// The partition is stepped: by the calling thread.
    #[inline]
    pub fn step(&mut self) {
        let here = thread_tag();
        if self.here != here {
            self.here = here;
            // Relaxed: it guards nothing.
            self.stepped_by.store(here, Ordering::Relaxed);
        }
    }

    /// The one that the marker announced.
    pub fn take(&mut self) -> Option<KeyState<S>> {
        self.from.pop().ok()
    }

    /// Answers [`KeyState::Show`].
    pub fn answer(&mut self, key: u64, state: S) {
        // There is room: no more is asked for than fits, and a sender takes each answer.
        let _ = self.answers.push((key, state));
    }
}
