//! Handover: how the state of a split key goes from the task that sends its events to one that takes them,
//! and, once for each key, back.
//!
//! ```text
//!   sender   ── Handover {key, …} ──►   partition     beside the ring of events
//!            ── marker ──────────────►                in it: take one from beside now
//!            ◄── (key, state) ────────                the answer to `Show`
//! ```
//!
//! One pair for each lane of an exchange; the sender owns one end, the partition the other. A handover is
//! pushed before its marker, and rings publish in order, so whoever meets the marker finds the handover. The
//! sender sees to it that there is room.

use rtrb::{Consumer, Producer, RingBuffer};

/// Handovers on their way on one lane.
const SLOTS: usize = 256;

/// What a partition is to do with the state of a key.
#[derive(Clone, Copy, Debug)]
pub enum Handover<S> {
    /// Tell what it is.
    Show(u64),
    /// It is this from here on.
    Set(u64, S),
    /// Forget it: it is kept elsewhere.
    Forget(u64),
}

/// The sender's end.
#[derive(Debug)]
pub struct HandoverOutlet<S> {
    to: Producer<Handover<S>>,
    answers: Consumer<(u64, S)>,
}

/// The partition's end.
#[derive(Debug)]
pub struct HandoverInlet<S> {
    from: Consumer<Handover<S>>,
    answers: Producer<(u64, S)>,
}

/// Both ends.
pub fn handover<S>() -> (HandoverOutlet<S>, HandoverInlet<S>) {
    let (to, from) = RingBuffer::new(SLOTS);
    // A key is shown once while it is split, and asks for no more than there are handovers.
    let (answers_in, answers) = RingBuffer::new(SLOTS);
    (
        HandoverOutlet { to, answers },
        HandoverInlet {
            from,
            answers: answers_in,
        },
    )
}

impl<S> HandoverOutlet<S> {
    /// Handovers there is room for.
    pub fn room(&self) -> usize {
        self.to.slots()
    }

    /// Sends one; its marker follows. Whether there was room.
    #[must_use]
    pub fn send(&mut self, handover: Handover<S>) -> bool {
        self.to.push(handover).is_ok()
    }

    /// An answer to [`Handover::Show`], if one has come.
    pub fn answer(&mut self) -> Option<(u64, S)> {
        self.answers.pop().ok()
    }
}

impl<S> HandoverInlet<S> {
    /// The one that the marker announced.
    pub fn take(&mut self) -> Option<Handover<S>> {
        self.from.pop().ok()
    }

    /// Answers [`Handover::Show`].
    pub fn answer(&mut self, key: u64, state: S) {
        // There is room: no more is asked for than fits, and a sender takes each answer.
        let _ = self.answers.push((key, state));
    }
}
