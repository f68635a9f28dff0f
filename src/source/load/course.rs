//! The courses that due times can take, each a few numbers and a step: `schedule.rs` chooses one.
//!
//! Every step is `next`, which hands out the due time of one event, in ns from the start of the run,
//! never less than the one before.

use crate::sys::random::Random;
use crate::sys::rate::Rate;

/// ns a second, times the millionths in which a [`Rate`] is held.
pub(super) const NS_MICRO: u64 = 1_000_000_000_000_000;

/// ⌊k × numerator / denominator⌋ for k = 0, 1, 2, …, without a division and without an error: the
/// remainders are carried, as Bresenham's line does.
#[derive(Clone, Debug)]
pub(super) struct Stepper {
    value: u64,
    carry: u128,
    quotient: u64,
    remainder: u128,
    denominator: u128,
}

impl Stepper {
    pub(super) fn new(numerator: u128, denominator: u128) -> Self {
        Stepper {
            value: 0,
            carry: 0,
            quotient: u64::try_from(numerator / denominator).unwrap_or(u64::MAX),
            remainder: numerator % denominator,
            denominator,
        }
    }

    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        let value = self.value;
        self.carry += self.remainder;
        let over = self.carry >= self.denominator;
        self.carry -= if over { self.denominator } else { 0 };
        self.value = value.saturating_add(self.quotient + u64::from(over));
        value
    }
}

/// Exponential gaps, added up in ns and 2^-32 ns: rounding each gap to whole ns would make a schedule
/// of 1M/s run 0.05 % fast.
#[derive(Clone, Debug)]
pub(super) struct Poisson {
    random: Random,
    mean_ns: f64,
    due_ns: u64,
    due_2_32: u64,
}

impl Poisson {
    pub(super) fn new(micro_events_per_s: u64, random: Random) -> Self {
        Poisson {
            random,
            mean_ns: NS_MICRO as f64 / micro_events_per_s as f64,
            due_ns: 0,
            due_2_32: 0,
        }
    }

    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        let gap = self.random.exponential() * self.mean_ns;
        let whole = gap as u64;
        self.due_2_32 += ((gap - whole as f64) * 4_294_967_296.0) as u64;
        self.due_ns = self.due_ns.saturating_add(whole + (self.due_2_32 >> 32));
        self.due_2_32 &= 0xFFFF_FFFF;
        self.due_ns
    }
}

/// A constant course through the time within bursts, with the silences put in between.
///
/// ```text
///   within bursts   0 ────────── on │ ────────── 2 on │ ─────────        the stepper's time
///   due             0 ────────── on │ off … │ ────────── │ off … │ ──    plus burst × off
/// ```
#[derive(Clone, Debug)]
pub(super) struct Bursts {
    within: Stepper,
    on_ns: u64,
    off_ns: u64,
    burst: u64,
    burst_end_ns: u64,
}

impl Bursts {
    pub(super) fn new(micro_events_per_s: u64, on_ns: u64, off_ns: u64) -> Self {
        let cycle_ns = u128::from(on_ns) + u128::from(off_ns);
        Bursts {
            within: Stepper::new(
                u128::from(NS_MICRO) * u128::from(on_ns),
                u128::from(micro_events_per_s) * cycle_ns,
            ),
            on_ns,
            off_ns,
            burst: 0,
            burst_end_ns: on_ns,
        }
    }

    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        let within = self.within.next();
        if within >= self.burst_end_ns {
            self.burst = within / self.on_ns;
            self.burst_end_ns = (self.burst + 1).saturating_mul(self.on_ns);
        }
        within.saturating_add(self.burst.saturating_mul(self.off_ns))
    }
}

/// The k-th event is due when the rate has added up to k, each time computed from k itself. Within the
/// ramp `from t + (to − from) t² / 2T = k`; solved with the root in the denominator, which loses no
/// digits when the slope is small. Floats are exact to 1 ns for 100 days.
#[derive(Clone, Debug)]
pub(super) struct Ramp {
    k: u64,
    from_per_ns: f64,
    to_per_ns: f64,
    over_ns: f64,
    events_of_ramp: f64,
    last_ns: u64,
}

impl Ramp {
    pub(super) fn new(from: Rate, to: Rate, over_ns: u64) -> Self {
        // `Arrivals::problem` has refused full speed; were it let through, it would be 1 an ns.
        let per_ns = |rate: Rate| rate.events_per_s().unwrap_or(1e9) / 1e9;
        let (from_per_ns, to_per_ns, over_ns) = (per_ns(from), per_ns(to), over_ns as f64);
        Ramp {
            k: 0,
            from_per_ns,
            to_per_ns,
            over_ns,
            events_of_ramp: (from_per_ns + to_per_ns) / 2.0 * over_ns,
            last_ns: 0,
        }
    }

    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        let k = self.k as f64;
        self.k += 1;
        let due_ns = if k >= self.events_of_ramp {
            self.over_ns + (k - self.events_of_ramp) / self.to_per_ns
        } else {
            let slope = (self.to_per_ns - self.from_per_ns) / self.over_ns;
            let root = (self.from_per_ns * self.from_per_ns + 2.0 * slope * k).max(0.0);
            2.0 * k / (self.from_per_ns + root.sqrt())
        };
        // Neighbours may round past each other by an ns.
        self.last_ns = self.last_ns.max(due_ns as u64);
        self.last_ns
    }
}

/// Offsets of one round from its first event, in order; the next round begins `period_ns` later.
#[derive(Clone, Debug)]
pub(super) struct Stamps {
    offsets: Box<[u64]>,
    period_ns: u64,
    at: usize,
    base_ns: u64,
}

impl Stamps {
    /// The stamps counted from the first; one that goes back counts as equal to the one before it.
    /// `None` without two different ones.
    pub(super) fn new(stamps_ns: &[u64]) -> Option<Self> {
        let first = *stamps_ns.first()?;
        let mut latest = first;
        let offsets = stamps_ns.iter().map(|&stamp| {
            latest = latest.max(stamp);
            latest - first
        });
        let offsets: Box<[u64]> = offsets.collect();
        let span_ns = latest - first;
        let mean_gap_ns = span_ns / (offsets.len() as u64 - 1).max(1);
        (span_ns > 0).then(|| Stamps {
            offsets,
            period_ns: span_ns.saturating_add(mean_gap_ns.max(1)),
            at: 0,
            base_ns: 0,
        })
    }

    pub(super) fn events_per_s(&self) -> f64 {
        self.offsets.len() as f64 * 1e9 / self.period_ns as f64
    }

    /// The same course at another average rate.
    pub(super) fn at_rate(self, micro_events_per_s: u64) -> Self {
        let events = self.offsets.len() as u128;
        let period_ns = events * u128::from(NS_MICRO) / u128::from(micro_events_per_s);
        self.stretched(u64::try_from(period_ns).unwrap_or(u64::MAX))
    }

    fn stretched(mut self, period_ns: u64) -> Self {
        for offset in &mut self.offsets {
            let stretched =
                u128::from(*offset) * u128::from(period_ns) / u128::from(self.period_ns);
            // An offset is less than the old period, so it stays less than the new one.
            *offset = stretched as u64;
        }
        self.period_ns = period_ns;
        self
    }

    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        if self.at == self.offsets.len() {
            self.at = 0;
            self.base_ns = self.base_ns.saturating_add(self.period_ns);
        }
        let due_ns = self.base_ns.saturating_add(self.offsets[self.at]);
        self.at += 1;
        due_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepper_is_exact_after_a_day() {
        // 3M/s: placed where it would be after a day's 259 billion events, without walking there.
        let mut stepper = Stepper::new(NS_MICRO.into(), 3_000_000_000_000);
        let product = 86_400u128 * 3_000_000 * u128::from(NS_MICRO);
        stepper.value = u64::try_from(product / stepper.denominator).unwrap();
        stepper.carry = product % stepper.denominator;
        let due = [(); 4].map(|()| stepper.next() - 86_400_000_000_000);
        assert_eq!(due, [0, 333, 666, 1_000]);
    }
}
