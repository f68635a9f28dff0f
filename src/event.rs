//! The event: what travels through a flow, and the message that carries it between tasks.
//!
//! ```text
//!   Message<E>, for a 24-byte event: 32 bytes, two to a cache line
//!        ┌──────────┬────────────────────────────────┐
//!        │ due_ns≠0 │ event                          │   an event
//!        ├──────────┼────────────────────────────────┤
//!        │ 0        │ marker                         │   a marker: the zero of `due_ns` is its tag
//!        └──────────┴────────────────────────────────┘
//! ```
//!
//! Everything travels in band and in order: events, watermarks, progress, barriers, probes, end of
//! stream.
//! The tag costs no byte, because an event's due time is never zero (the compiler's niche).

use std::fmt::Debug;
use std::num::NonZeroU64;

/// A fixed-size record of the user's own type. Implemented for every plain `Copy` type.
///
/// `Debug` is asked for so that a panic in an operator can name the event it died on.
pub trait Event: Copy + Send + Debug + 'static {}
impl<T: Copy + Send + Debug + 'static> Event for T {}

/// The moment at which an event was due, in ns of the run's clock; never zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Due(NonZeroU64);

impl Due {
    /// `due_ns`; 0, which no clock of a run ever shows, becomes 1.
    #[inline(always)]
    pub fn new(due_ns: u64) -> Self {
        Due(NonZeroU64::new(due_ns).unwrap_or(NonZeroU64::MIN))
    }

    /// In ns of the run's clock.
    #[inline(always)]
    pub fn ns(self) -> u64 {
        self.0.get()
    }
}

/// What travels between events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marker {
    /// No event with an earlier event time follows (ns).
    Watermark(u64),
    /// No event with a due time up to this one (ns of the run's clock) follows on this ring. Sent in
    /// deterministic order only, so that an input without events holds up no other.
    Progress(u64),
    /// Cuts the stream: what came before belongs to this epoch, what follows to the next.
    Barrier {
        /// The epoch that it closes.
        epoch: u64,
        /// Whether every task is to capture its state as it stands here.
        checkpoint: bool,
    },
    /// Rides behind one event in many and measures what it goes through.
    Probe {
        /// When the source took the event up, in ns of the run's clock.
        read_ns: u64,
        /// When the last task sent it on, in ns after `read_ns`; saturates at 4.2 s.
        sent_after_ns: u32,
    },
    /// The next order on the side lane of this ring, about the state of a split key, takes effect here.
    KeyState,
    /// Nothing follows.
    End,
}

/// What a ring carries.
#[derive(Clone, Copy, Debug)]
pub enum Message<E> {
    /// An event and when it was due.
    Event(Due, E),
    /// A marker.
    Marker(Marker),
}

const _: () = {
    assert!(
        size_of::<Message<[u64; 3]>>() == 32,
        "the tag of a message must stay free"
    );
    assert!(
        size_of::<Message<[u64; 7]>>() == 64,
        "a 56-byte event fills one cache line"
    );
    assert!(size_of::<Marker>() == 16);
};
