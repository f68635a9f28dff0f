//! Time to live: a key that no event has touched for longer, in event time, starts anew.
//!
//! Each entry keeps a stamp, the event time of its last event in ns. Stamps 0 and 1 are those of empty slots
//! and of new entries (`table::NEW`), so that an event in the first two ns of 1970 counts as one of the third.
//!
//! Invariant: whether a key starts anew depends on its own events alone, so that neither placement, nor
//! memory, nor sweeping changes an answer. Sweeping goes by the watermark, below which no event follows.

use super::table::NEW;
use crate::partition::Content;
use std::num::NonZeroU64;

/// Whether and when an entry is over.
pub trait TimeToLive<E>: Clone + Send + 'static {
    /// Whether there is a limit at all; a constant where the type says so.
    fn is_limited(&self) -> bool;

    /// The stamp of an event; greater than that of a new entry.
    fn stamp(&self, event: &E) -> u64;

    /// The earliest stamp that is not over when an event comes at `now`.
    fn oldest(&self, now: u64) -> u64;

    /// Whether an entry last touched at `stamp` is over when an event comes at `now`.
    #[inline(always)]
    fn is_over(&self, stamp: u64, now: u64) -> bool {
        stamp > NEW && stamp < self.oldest(now)
    }
}

/// The stamp of an event time.
#[inline(always)]
pub fn stamp_at(event_time_ns: u64) -> u64 {
    event_time_ns.max(NEW + 1)
}

/// No limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forever;

impl<E> TimeToLive<E> for Forever {
    #[inline(always)]
    fn is_limited(&self) -> bool {
        false
    }

    #[inline(always)]
    fn stamp(&self, _: &E) -> u64 {
        NEW
    }

    #[inline(always)]
    fn oldest(&self, _: u64) -> u64 {
        0
    }
}

/// A limit that only the run's options know of.
impl<E, L: TimeToLive<E>> TimeToLive<E> for Option<L> {
    #[inline(always)]
    fn is_limited(&self) -> bool {
        self.is_some()
    }

    #[inline(always)]
    fn stamp(&self, event: &E) -> u64 {
        self.as_ref().map_or(NEW, |live| live.stamp(event))
    }

    #[inline(always)]
    fn oldest(&self, now: u64) -> u64 {
        self.as_ref().map_or(0, |live| live.oldest(now))
    }
}

/// So long after the last event of a key; `event_time_ns` finds the time of an event.
#[derive(Clone, Debug)]
pub struct Ttl<W> {
    ttl_ns: NonZeroU64,
    event_time_ns: W,
}

impl<W> Ttl<W> {
    /// `ttl_ns` long.
    pub fn new(ttl_ns: NonZeroU64, event_time_ns: W) -> Self {
        Ttl {
            ttl_ns,
            event_time_ns,
        }
    }
}

impl<E, W: Content<E> + Clone + Send + 'static> TimeToLive<E> for Ttl<W> {
    #[inline(always)]
    fn is_limited(&self) -> bool {
        true
    }

    #[inline(always)]
    fn stamp(&self, event: &E) -> u64 {
        stamp_at(self.event_time_ns.number(event))
    }

    #[inline(always)]
    fn oldest(&self, now: u64) -> u64 {
        now.saturating_sub(self.ttl_ns.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(ttl_ns: u64, last_ns: u64, now_ns: u64) -> bool {
        let ttl = Ttl::new(NonZeroU64::new(ttl_ns).expect("not zero"), |at: &u64| *at);
        ttl.is_over(ttl.stamp(&last_ns), ttl.stamp(&now_ns))
    }

    #[test]
    fn a_key_lives_its_time_and_not_a_nanosecond_more() {
        for ttl_ns in [1, 1_023, 1_000_000, 86_400_000_000_000] {
            for last in [2, 1 << 40, 1_700_000_000_000_000_000] {
                assert!(!over(ttl_ns, last, last));
                assert!(!over(ttl_ns, last, last + ttl_ns));
                assert!(over(ttl_ns, last, last + ttl_ns + 1));
                assert!(over(ttl_ns, last, u64::MAX), "however long the pause");
            }
        }
    }

    #[test]
    fn an_earlier_event_ends_nothing_and_a_new_entry_is_not_over() {
        assert!(!over(1_000, 5_000_000, 1_000));
        let ttl = Ttl::new(NonZeroU64::MIN, |at: &u64| *at);
        assert!(!TimeToLive::<u64>::is_over(&ttl, 0, 77));
        assert!(!TimeToLive::<u64>::is_over(&ttl, NEW, 77));
    }
}
