//! Time to live: a key that no event has touched for so long, in event time, starts anew.
//!
//! Each entry keeps a stamp of 32 bits, the event time of its last event in ticks. A tick is a power of
//! two of nanoseconds, so that the time to live is 1,024 to 2,047 ticks: a key lives at least its time and
//! at most two ticks (0.2 %) longer.
//!
//! ```text
//!   63                 shift + 32            shift              0
//!   │  not kept            │   tick (stamp)    │   not kept     │   event time, ns
//! ```
//!
//! Stamps are compared modulo 2^32: one that lies more than a million times the time to live back could be
//! taken for a later one. Tables are swept and the cold tier is compacted long before that.
//!
//! Invariant: whether a key starts anew depends on its own events alone, so that neither placement, nor
//! memory, nor sweeping changes an answer. Sweeping goes by the watermark, below which no event follows.

use crate::partition::Content;
use std::num::NonZeroU64;

/// Whether and when an entry is over.
pub trait TimeToLive<E>: Clone + Send + 'static {
    /// Whether there is a limit at all; a constant where the type says so.
    fn is_limited(&self) -> bool;

    /// The stamp of an event; never 0, which is the stamp of a new entry.
    fn stamp(&self, event: &E) -> u32;

    /// The stamp of an event at `event_time_ns`.
    fn stamp_at(&self, event_time_ns: u64) -> u32;

    /// The earliest stamp that is not over when an event comes at `now`.
    fn oldest(&self, now: u32) -> u32;

    /// Whether an entry last touched at `stamp` is over when an event comes at `now`.
    fn is_over(&self, stamp: u32, now: u32) -> bool;
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
    fn stamp(&self, _: &E) -> u32 {
        0
    }

    fn stamp_at(&self, _: u64) -> u32 {
        0
    }

    fn oldest(&self, _: u32) -> u32 {
        0
    }

    #[inline(always)]
    fn is_over(&self, _: u32, _: u32) -> bool {
        false
    }
}

/// A limit that only the run's options know of.
impl<E, L: TimeToLive<E>> TimeToLive<E> for Option<L> {
    #[inline(always)]
    fn is_limited(&self) -> bool {
        self.is_some()
    }

    #[inline(always)]
    fn stamp(&self, event: &E) -> u32 {
        self.as_ref().map_or(0, |live| live.stamp(event))
    }

    fn stamp_at(&self, event_time_ns: u64) -> u32 {
        self.as_ref().map_or(0, |live| live.stamp_at(event_time_ns))
    }

    fn oldest(&self, now: u32) -> u32 {
        self.as_ref().map_or(0, |live| live.oldest(now))
    }

    #[inline(always)]
    fn is_over(&self, stamp: u32, now: u32) -> bool {
        self.as_ref().is_some_and(|live| live.is_over(stamp, now))
    }
}

/// Ticks of a time to live at the least.
const TICKS_MIN: u64 = 1024;

/// So long after the last event of a key; `event_time_ns` finds the time of an event.
#[derive(Clone, Debug)]
pub struct Ttl<W> {
    shift: u32,
    ticks: i32,
    event_time_ns: W,
}

impl<W> Ttl<W> {
    /// `ttl_ns` long.
    pub fn new(ttl_ns: NonZeroU64, event_time_ns: W) -> Self {
        let shift = (ttl_ns.get() / TICKS_MIN).max(1).ilog2();
        Ttl {
            shift,
            // One more, since the event itself may lie anywhere in its tick.
            ticks: (ttl_ns.get() >> shift) as i32 + 1,
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
    fn stamp(&self, event: &E) -> u32 {
        TimeToLive::<E>::stamp_at(self, self.event_time_ns.number(event))
    }

    #[inline(always)]
    fn stamp_at(&self, event_time_ns: u64) -> u32 {
        ((event_time_ns >> self.shift) as u32).max(1)
    }

    fn oldest(&self, now: u32) -> u32 {
        now.wrapping_sub(self.ticks as u32)
    }

    #[inline(always)]
    fn is_over(&self, stamp: u32, now: u32) -> bool {
        stamp != 0 && now.wrapping_sub(stamp) as i32 > self.ticks
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
    fn a_key_lives_its_time_and_at_most_two_ticks_more() {
        let base = 1_700_000_000_000_000_000;
        for ttl_ns in [
            1,
            2,
            1023,
            1024,
            1_000_000,
            3_600_000_000_000,
            86_400_000_000_000,
        ] {
            let more = 2 * (ttl_ns / TICKS_MIN).max(1) + 2;
            for offset in [0, 1, 12_345, 1 << 40] {
                let last = base + offset;
                assert!(!over(ttl_ns, last, last));
                assert!(!over(ttl_ns, last, last + ttl_ns), "{ttl_ns} {offset}");
                assert!(
                    over(ttl_ns, last, last + ttl_ns + more),
                    "{ttl_ns} {offset}"
                );
            }
        }
    }

    #[test]
    fn an_earlier_event_ends_nothing_and_a_new_entry_is_not_over() {
        assert!(!over(1_000, 5_000_000, 1_000));
        let ttl = Ttl::new(NonZeroU64::MIN, |at: &u64| *at);
        assert!(!TimeToLive::<u64>::is_over(&ttl, 0, 77));
    }
}
