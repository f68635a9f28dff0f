//! The watchdog: ends the process when a step of a task lasts longer than it may.
//!
//! A step that never ends cannot be ended from outside: its thread would have to be killed in the middle of
//! its work. So the process is, as by any other death; where it is kept what each task is at, the event is
//! known at the next start.
//!
//! Each core has a pulse, which it alone writes: odd while it steps a task, another number with every step.
//! The thread that called `run` looks at it several times within a deadline. A reading may be as old as a
//! look; a step is therefore ended after one deadline at the earliest and one and a quarter at the latest.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Looks within a deadline.
const LOOKS: u32 = 4;

/// Of one core, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Pulse(AtomicU64);

impl Pulse {
    /// A step begins.
    #[inline(always)]
    pub(super) fn begin(&self) {
        // Relaxed: one writer, and the number says nothing about other memory.
        let beat = self.0.load(Ordering::Relaxed);
        self.0.store((beat + 1) | 1, Ordering::Relaxed);
    }

    /// No step is under way.
    #[inline(always)]
    pub(super) fn rest(&self) {
        let beat = self.0.load(Ordering::Relaxed);
        self.0.store((beat + 1) & !1, Ordering::Relaxed);
    }
}

/// Looks after the pulses of a run.
pub(super) struct Watchdog<'a> {
    pulses: &'a [Pulse],
    /// What each pulse was, and since when.
    seen: Vec<(u64, Instant)>,
    deadline: Duration,
}

impl<'a> Watchdog<'a> {
    /// Off where `deadline_ns` is 0.
    pub(super) fn new(pulses: &'a [Pulse], deadline_ns: u64) -> Self {
        let now = Instant::now();
        Watchdog {
            pulses,
            seen: pulses.iter().map(|_| (0, now)).collect(),
            deadline: Duration::from_nanos(deadline_ns),
        }
    }

    pub(super) fn is_on(&self) -> bool {
        !self.deadline.is_zero()
    }

    /// How often to look, where `otherwise` would do without it.
    pub(super) fn look_every(&self, otherwise: Duration) -> Duration {
        if self.is_on() {
            otherwise
                .min(self.deadline / LOOKS)
                .max(Duration::from_millis(1))
        } else {
            otherwise
        }
    }

    /// Ends the process if a step has lasted too long.
    pub(super) fn look(&mut self) {
        if let Some(core) = self.overdue(Instant::now()) {
            eprintln!(
                "error: a step of a task on core {core} has lasted longer than failure.step_deadline ({:?}): the process \
                 ends, so that it can be started anew",
                self.deadline
            );
            std::process::abort();
        }
    }

    /// The core whose step has lasted too long by `now`.
    fn overdue(&mut self, now: Instant) -> Option<usize> {
        if !self.is_on() {
            return None;
        }
        for (core, (pulse, seen)) in self.pulses.iter().zip(&mut self.seen).enumerate() {
            let beat = pulse.0.load(Ordering::Relaxed);
            if beat != seen.0 {
                *seen = (beat, now);
            } else if beat % 2 == 1 && now.duration_since(seen.1) > self.deadline {
                return Some(core);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_step_that_goes_on_is_overdue() {
        let pulses = [Pulse::default(), Pulse::default()];
        let mut dog = Watchdog::new(&pulses, 1_000_000_000);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(dog.overdue(at(5)), None, "nothing has begun");
        pulses[1].begin();
        assert_eq!(dog.overdue(at(10)), None, "seen for the first time");
        pulses[1].begin();
        assert_eq!(dog.overdue(at(20)), None, "another step");
        pulses[0].begin();
        pulses[0].rest();
        assert_eq!(dog.overdue(at(21)), None, "not longer than it may");
        assert_eq!(dog.overdue(at(22)), Some(1));
        pulses[1].rest();
        assert_eq!(dog.overdue(at(23)), None);
        assert_eq!(dog.overdue(at(99)), None, "it rests");
        assert_eq!(Watchdog::new(&pulses, 0).overdue(at(99)), None, "off");
    }
}
