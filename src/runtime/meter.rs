//! Meters: what each task and each core costs, while the run goes on.
//!
//! Plain counters on cache lines of their own, which only grow. The core that has a task writes its meter; the
//! calling thread reads all of them. Everything is Relaxed: a reading may be a few rounds old and its numbers of
//! different rounds, which smoothing covers; who writes changes with the hand-over, whose lock orders the writes.
//!
//! ```text
//!   1 round in 16, by chance:  clock ─ step ─ clock ─ step ─ clock …     busy += time × rounds it stands for
//!   the others:                clock ─ step ─ step ─ step ─ …            nothing more than without meters
//! ```
//!
//! A round is drawn without regard to what happens in it, so that the sums are right in the mean.

use crate::sys::random::Random;
use crate::task::Gauge;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// One round in so many is timed, in the mean, so that steps of one or two events do not pay for a clock reading each.
const ROUNDS_A_SAMPLE: u64 = 16;

/// [`TaskMeter::home`] of a task that has ended.
pub(super) const ENDED: usize = usize::MAX;

/// Of one task.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct TaskMeter {
    home: AtomicUsize,
    busy_ns: AtomicU64,
    events: AtomicU64,
    waiting: AtomicU64,
}

impl TaskMeter {
    pub(super) fn new(home: usize) -> Self {
        TaskMeter {
            home: AtomicUsize::new(home),
            ..TaskMeter::default()
        }
    }

    /// The core that has it, or had it last before a hand-over that is under way; [`ENDED`].
    pub(super) fn home(&self) -> usize {
        self.home.load(Ordering::Relaxed)
    }

    /// Owner: it is on this core now, or has ended.
    pub(super) fn set_home(&self, core: usize) {
        self.home.store(core, Ordering::Relaxed);
    }

    /// Owner: it was busy for so long.
    pub(super) fn add(&self, busy_ns: u64) {
        let before = self.busy_ns.load(Ordering::Relaxed);
        self.busy_ns.store(before + busy_ns, Ordering::Relaxed);
    }

    /// Owner: this is how far it is.
    pub(super) fn show(&self, gauge: Gauge) {
        self.events.store(gauge.events, Ordering::Relaxed);
        self.waiting.store(gauge.waiting, Ordering::Relaxed);
    }

    /// Time in steps that moved something, ns, estimated from samples.
    pub(super) fn busy_ns(&self) -> u64 {
        self.busy_ns.load(Ordering::Relaxed)
    }

    /// Events taken in, and messages that waited for it.
    pub(super) fn gauge(&self) -> Gauge {
        Gauge {
            events: self.events.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }
}

/// Of one core.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct CoreMeter {
    busy_ns: AtomicU64,
}

impl CoreMeter {
    /// Owner: time so far in rounds that moved something.
    pub(super) fn show(&self, busy_ns: u64) {
        self.busy_ns.store(busy_ns, Ordering::Relaxed);
    }

    pub(super) fn busy_ns(&self) -> u64 {
        self.busy_ns.load(Ordering::Relaxed)
    }
}

/// Says which rounds of a core are timed.
#[derive(Debug)]
pub(super) struct Sampler {
    random: Random,
    /// Rounds from one sample to the next, and how many of them are still to come.
    gap: u64,
    left: u64,
}

impl Sampler {
    pub(super) fn new(core: usize) -> Self {
        Sampler {
            random: Random::stream(core as u64, "rounds timed"),
            gap: 1,
            left: 1,
        }
    }

    /// A round begins: how many rounds it stands for, if it is timed.
    #[inline]
    pub(super) fn round(&mut self) -> Option<u64> {
        self.left -= 1;
        if self.left > 0 {
            return None;
        }
        let stands_for = self.gap;
        // Uniform over 1 to 31: what comes back every few rounds is not met always, or never.
        self.gap = 1 + self.random.next_u64() % (2 * ROUNDS_A_SAMPLE - 1);
        self.left = self.gap;
        Some(stands_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_for_all_rounds_and_are_few() {
        let mut sampler = Sampler::new(3);
        let (mut stood_for, mut samples) = (0, 0u64);
        for round in 1..=160_000u64 {
            if let Some(rounds) = sampler.round() {
                stood_for += rounds;
                samples += 1;
                assert_eq!(stood_for, round, "each round is stood for once");
            }
        }
        assert!((9_000..11_000).contains(&samples), "{samples}");
    }

    #[test]
    fn a_pattern_that_comes_back_is_not_always_met() {
        // Every eighth round takes 800, the others 100: 187.5 in the mean.
        let mut sampler = Sampler::new(0);
        let total: u64 = (0..400_000u64)
            .filter_map(|round| {
                let took = if round.is_multiple_of(8) { 800 } else { 100 };
                sampler.round().map(|rounds| rounds * took)
            })
            .sum();
        let mean = total as f64 / 400_000.0;
        assert!((180.0..195.0).contains(&mean), "{mean}");
    }
}
