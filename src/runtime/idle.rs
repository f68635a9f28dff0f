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
//!
//! A core without tasks is *dormant*: no ring leads to it, so that messages do not wake it, only who has a letter
//! for it (`transfer.rs`) or the end of the run. Otherwise each round of the others would pay for its wake-up.

use crate::sys::sync::{AtomicUsize, Ordering, Parker, Unparker, fence};
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

/// A core's state in [`Sleepers`]: at work, or about to sleep on; written by itself and by who wakes it.
const AWAKE: usize = 0;
/// Sleeps until there are messages.
const ASLEEP: usize = 1;
/// Has no tasks; sleeps until there is a letter.
const DORMANT: usize = 2;

/// Which cores sleep, and how to wake them. Shared by all cores.
#[derive(Debug)]
pub(super) struct Sleepers {
    asleep: Vec<CachePadded<AtomicUsize>>,
    wake: Vec<Unparker>,
    /// Cores that have been started; the others never slept. Grows only, and before the first letter to a new
    /// core, so that whoever sends to its tasks knows of it.
    started: CachePadded<AtomicUsize>,
}

impl Sleepers {
    /// Of `cores` cores, all of which are started.
    pub(super) fn new(cores: usize) -> (Self, Vec<Parker>) {
        let parkers: Vec<Parker> = (0..cores).map(|_| Parker::new()).collect();
        let asleep = (0..cores)
            .map(|_| CachePadded::new(AtomicUsize::new(AWAKE)))
            .collect();
        let wake = parkers
            .iter()
            .map(|parker| parker.unparker().clone())
            .collect();
        let started = CachePadded::new(AtomicUsize::new(cores));
        (
            Sleepers {
                asleep,
                wake,
                started,
            },
            parkers,
        )
    }

    /// Says that the first `cores` have been started.
    pub(super) fn start(&self, cores: usize) {
        self.started.store(cores, Ordering::Relaxed);
    }

    /// Cores that have been started. Relaxed: who is behind wakes one core late, which wakes up by itself soon.
    pub(super) fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    /// Called after a round that moved something: wakes whoever sleeps.
    #[inline]
    fn wake_others(&self, me: usize) {
        // Pairs with the fence in `announce`: the ring's Release store comes before this fence.
        fence(Ordering::SeqCst);
        for (core, asleep) in self.asleep.iter().enumerate().take(self.started()) {
            if core != me && asleep.load(Ordering::Relaxed) == ASLEEP {
                self.rouse(core);
            }
        }
    }

    /// Wakes `core`, however it sleeps: there is a letter for it.
    pub(super) fn wake(&self, core: usize) {
        // Pairs with the fence in `announce`: that there is a letter was said before this fence.
        fence(Ordering::SeqCst);
        if self.asleep[core].load(Ordering::Relaxed) != AWAKE {
            self.rouse(core);
        }
    }

    /// Wakes every core, however it sleeps: the run is over.
    pub(super) fn wake_all(&self) {
        (0..self.asleep.len()).for_each(|core| self.wake(core));
    }

    fn rouse(&self, core: usize) {
        if self.asleep[core].swap(AWAKE, Ordering::Relaxed) != AWAKE {
            self.wake[core].unpark();
        }
    }

    fn announce(&self, me: usize, how: usize) {
        self.asleep[me].store(how, Ordering::Relaxed);
        // Pairs with the fence in `wake_others` and `wake`: the last look comes after this fence.
        fence(Ordering::SeqCst);
    }

    fn rise(&self, me: usize) {
        self.asleep[me].store(AWAKE, Ordering::Relaxed);
    }
}

/// How one core waits, and what it is at.
#[derive(Debug)]
pub(super) struct Waiter {
    idle: Idle,
    me: usize,
    crowded: bool,
    parker: Parker,
    idle_since_ns: Option<u64>,
    announced: bool,
}

impl Waiter {
    /// `crowded`: more cores than CPUs, so that spinning would keep another core from its work.
    pub(super) fn new(idle: Idle, me: usize, crowded: bool, parker: Parker) -> Self {
        Waiter {
            idle,
            me,
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
        if self.idle != Idle::Busy && sleepers.started() > 1 {
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
            sleepers.announce(self.me, ASLEEP);
            return false;
        }
        self.parker
            .park_timeout(PARK_MAX.min(Duration::from_nanos(sleep_ns)));
        self.announced = false;
        sleepers.rise(self.me);
        true
    }
    /// After a round without a task: sleeps until there is a letter, whatever the mode. Returns true if it slept;
    /// the first time it only says that it will, for a last look.
    pub(super) fn rest_empty(&mut self, sleepers: &Sleepers) -> bool {
        if !self.announced {
            self.announced = true;
            sleepers.announce(self.me, DORMANT);
            return false;
        }
        self.parker.park_timeout(PARK_MAX);
        self.announced = false;
        sleepers.rise(self.me);
        true
    }
}
