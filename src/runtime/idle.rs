//! What a core does when its tasks have nothing to do: spin, then yield, then park.
//!
//! How a parked core is woken (Dekker's pattern: each side writes, fences, then reads the other's):
//!
//! ```text
//!   sleeper                                   worker on another core
//!   1 asleep[me] = true                       1 publishes messages in a ring
//!   2 fence SeqCst                            2 fence SeqCst
//!   3 steps all tasks once more               3 asleep[c]?  ──► clear it, unpark c
//!   4 still nothing: park (at most PARK_MAX)
//! ```
//!
//! Either the sleeper's step 3 sees the messages, or the worker's step 3 sees the flag. A wake-up costs
//! the worker about 13 µs and arrives after 20–35 µs (measured), so only cores that wait long are parked.
//! `tests/models.rs` tries this file in every order of steps.

use crate::sys::sync::{AtomicBool, Ordering, Parker, Unparker, fence};
use crossbeam_utils::CachePadded;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a core waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Idle {
    /// Never gives the processor away: the lowest latency, a whole core.
    Busy,
    /// Spins, then yields, then parks: near the lowest latency under load, little use of the core without.
    #[default]
    Adaptive,
    /// Parks at once: the least use of the core, some 50 µs more latency.
    Park,
}

/// A core yields after this long without work, ns. Longer than the gaps of 20,000 events a second.
const SPIN_NS: u64 = 50_000;
/// A core parks after this long without work, ns; ten times what a wake-up costs, and then some.
const YIELD_NS: u64 = 2_000_000;
/// `park` mode waits this long first: about the cost of a wake-up, so that it never pays it twice.
const PARK_AFTER_NS: u64 = 20_000;
/// A core wakes at least this often, to see that the run is to stop.
const PARK_MAX: Duration = Duration::from_millis(50);
/// Woken by a timer this long before the next event is due (timer slack 50 µs, then the wake-up), ns.
const WAKE_EARLY_NS: u64 = 120_000;

/// Which cores sleep, and how to wake them. Shared by all cores.
#[derive(Debug)]
pub(super) struct Sleepers {
    asleep: Vec<CachePadded<AtomicBool>>,
    wake: Vec<Unparker>,
}

impl Sleepers {
    pub(super) fn new(cores: usize) -> (Self, Vec<Parker>) {
        let parkers: Vec<Parker> = (0..cores).map(|_| Parker::new()).collect();
        let asleep = (0..cores)
            .map(|_| CachePadded::new(AtomicBool::new(false)))
            .collect();
        let wake = parkers
            .iter()
            .map(|parker| parker.unparker().clone())
            .collect();
        (Sleepers { asleep, wake }, parkers)
    }

    /// Called after a round that moved something: wakes whoever sleeps.
    #[inline]
    fn wake_others(&self, me: usize) {
        // Pairs with the fence in `announce`: the ring's Release store comes before this fence.
        fence(Ordering::SeqCst);
        for (core, asleep) in self.asleep.iter().enumerate() {
            if core != me && asleep.load(Ordering::Relaxed) && asleep.swap(false, Ordering::Relaxed)
            {
                self.wake[core].unpark();
            }
        }
    }

    fn announce(&self, me: usize) {
        self.asleep[me].store(true, Ordering::Relaxed);
        // Pairs with the fence in `wake_others`: the last look into the rings comes after this fence.
        fence(Ordering::SeqCst);
    }

    fn rise(&self, me: usize) {
        self.asleep[me].store(false, Ordering::Relaxed);
    }
}

/// How one core waits, and what it is at.
#[derive(Debug)]
pub(super) struct Waiter {
    idle: Idle,
    me: usize,
    alone: bool,
    crowded: bool,
    parker: Parker,
    idle_since_ns: Option<u64>,
    announced: bool,
}

impl Waiter {
    /// `crowded`: more cores than CPUs, so that spinning would keep another core from its work.
    pub(super) fn new(idle: Idle, me: usize, cores: usize, crowded: bool, parker: Parker) -> Self {
        Waiter {
            idle,
            me,
            alone: cores == 1,
            crowded,
            parker,
            idle_since_ns: None,
            announced: false,
        }
    }

    /// After a round that moved something.
    #[inline]
    pub(super) fn worked(&mut self, sleepers: &Sleepers) {
        self.idle_since_ns = None;
        if self.announced {
            self.announced = false;
            sleepers.rise(self.me);
        }
        if !self.alone && self.idle != Idle::Busy {
            sleepers.wake_others(self.me);
        }
    }

    /// After a round that moved nothing; `next_due_ns` is when a source has its next event.
    /// Returns true if the core gave its CPU away.
    pub(super) fn rest(
        &mut self,
        sleepers: &Sleepers,
        now_ns: u64,
        next_due_ns: Option<u64>,
    ) -> bool {
        let since_ns = *self.idle_since_ns.get_or_insert(now_ns);
        let idle_ns = now_ns.saturating_sub(since_ns);
        let (spin_ns, park_after_ns) = match self.idle {
            Idle::Busy => (u64::MAX, u64::MAX),
            Idle::Adaptive => (SPIN_NS, YIELD_NS),
            Idle::Park => (PARK_AFTER_NS, PARK_AFTER_NS),
        };
        if idle_ns < spin_ns && !self.crowded {
            std::hint::spin_loop();
            return false;
        }
        let sleep_ns = next_due_ns.map_or(u64::MAX, |due_ns| {
            due_ns.saturating_sub(
                now_ns
                    + if self.idle == Idle::Park {
                        0
                    } else {
                        WAKE_EARLY_NS
                    },
            )
        });
        if idle_ns < park_after_ns || sleep_ns == 0 {
            std::thread::yield_now();
            return true;
        }
        if !self.announced {
            self.announced = true;
            sleepers.announce(self.me);
            return false;
        }
        self.parker
            .park_timeout(PARK_MAX.min(Duration::from_nanos(sleep_ns)));
        self.announced = false;
        sleepers.rise(self.me);
        true
    }
}
