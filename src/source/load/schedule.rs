//! When each event is due: an open-loop schedule, fixed before the first event runs.
//!
//! Due times count in ns from the start of the run, never go back, and do not drift: the k-th event of a
//! constant schedule is due at ⌊k × 10^9 / rate⌋ after a day as after a second. At full speed every
//! event is due [`AT_ONCE`], and the source stamps it when it takes it up.

use super::arrivals::Arrivals;
use super::call::ParseError;
use crate::sys::random::Random;
use crate::sys::rate::Rate;
use thiserror::Error;

/// The due time of every event at full speed.
pub const AT_ONCE: u64 = 0;

/// ns a second, times the millionths in which a [`Rate`] is held.
const NS_MICRO: u64 = 1_000_000_000_000_000;

/// Why there is no such schedule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// The arrival pattern cannot be followed.
    #[error(transparent)]
    Arrivals(#[from] ParseError),
    /// `trace` arrivals without a trace.
    #[error(
        "arrivals `trace` need a trace that holds the times; name one, or choose constant or poisson"
    )]
    NoTrace,
    /// A trace whose stamps say nothing about when events arrive.
    #[error(
        "arrivals `trace` need at least two different stamps, and the trace has {stamps} stamps, \
         all alike; choose constant or poisson"
    )]
    NoSpan {
        /// Stamps given.
        stamps: usize,
    },
}

/// Hands out due times, one an event.
#[derive(Clone, Debug)]
pub struct Schedule {
    course: Course,
    asked: Option<f64>,
    words: String,
}

#[derive(Clone, Debug)]
enum Course {
    AtOnce,
    Constant(Stepper),
    Poisson(Poisson),
    Bursts(Bursts),
    Ramp(Ramp),
    Stamps(Stamps),
}

impl Schedule {
    /// The schedule of `arrivals` at `rate`. A ramp follows its own rates; any other pattern at
    /// [`Rate::MAX`] has every event due [`AT_ONCE`]. `seed` feeds the random gaps.
    ///
    /// # Errors
    /// A pattern that its `FromStr` would refuse; [`Arrivals::Trace`], which needs
    /// [`Schedule::from_stamps`].
    pub fn new(arrivals: &Arrivals, rate: Rate, seed: u64) -> Result<Self, ScheduleError> {
        if let Some(problem) = arrivals.problem() {
            return Err(Arrivals::error(arrivals.to_string(), problem.to_string()).into());
        }
        let micro = match (arrivals, rate.micro_events_per_s()) {
            (Arrivals::Trace, _) => return Err(ScheduleError::NoTrace),
            (Arrivals::Ramp { from, to, over_ns }, _) => {
                return Ok(Schedule {
                    course: Course::Ramp(Ramp::new(*from, *to, *over_ns)),
                    asked: None,
                    words: arrivals.to_string(),
                });
            }
            (_, None) => return Ok(Schedule::at_once()),
            (_, Some(micro)) => micro.get(),
        };
        let course = match *arrivals {
            Arrivals::Poisson => Course::Poisson(Poisson {
                random: Random::stream(seed, "arrivals"),
                mean_ns: NS_MICRO as f64 / micro as f64,
                due_ns: 0,
                due_2_32: 0,
            }),
            Arrivals::Bursts { on_ns, off_ns } => {
                let cycle_ns = u128::from(on_ns) + u128::from(off_ns);
                Course::Bursts(Bursts {
                    // Time within bursts only: off times are put in between afterwards.
                    within: Stepper::new(
                        u128::from(NS_MICRO) * u128::from(on_ns),
                        u128::from(micro) * cycle_ns,
                    ),
                    on_ns,
                    off_ns,
                    burst: 0,
                    burst_end_ns: on_ns,
                })
            }
            _ => Course::Constant(Stepper::new(NS_MICRO.into(), micro.into())),
        };
        Ok(Schedule {
            course,
            asked: rate.events_per_s(),
            words: format!("{rate} {arrivals}"),
        })
    }

    /// Every event is due [`AT_ONCE`].
    pub fn at_once() -> Self {
        Schedule {
            course: Course::AtOnce,
            asked: None,
            words: "max".into(),
        }
    }

    /// The times of a trace, over and over: each round begins one mean gap after the last stamp of the
    /// round before. With a `rate` the times are stretched so that the average is that; without one
    /// they are as recorded. A stamp that goes back counts as equal to the one before it.
    ///
    /// # Errors
    /// Fewer than two different stamps.
    pub fn from_stamps(stamps_ns: &[u64], rate: Option<Rate>) -> Result<Self, ScheduleError> {
        let no_span = ScheduleError::NoSpan {
            stamps: stamps_ns.len(),
        };
        let Some(&first) = stamps_ns.first() else {
            return Err(no_span);
        };
        let mut latest = first;
        let offsets = stamps_ns.iter().map(|&stamp| {
            latest = latest.max(stamp);
            latest - first
        });
        let offsets: Box<[u64]> = offsets.collect();
        let span_ns = latest - first;
        if span_ns == 0 {
            return Err(no_span);
        }
        let n = offsets.len() as u64;
        let period_ns = span_ns.saturating_add((span_ns / (n - 1)).max(1));
        let natural = n as f64 * 1e9 / period_ns as f64;
        let stamps = Stamps {
            offsets,
            period_ns,
            at: 0,
            base_ns: 0,
        };
        let Some(rate) = rate else {
            return Ok(Schedule {
                course: Course::Stamps(stamps),
                asked: Some(natural),
                words: "times of the trace".into(),
            });
        };
        let Some(micro) = rate.micro_events_per_s() else {
            return Ok(Schedule::at_once());
        };
        let stretched = u128::from(n) * u128::from(NS_MICRO) / u128::from(micro.get());
        Ok(Schedule {
            course: Course::Stamps(stamps.stretched(u64::try_from(stretched).unwrap_or(u64::MAX))),
            asked: rate.events_per_s(),
            words: format!("times of the trace, stretched to {rate}"),
        })
    }

    /// When the next event is due, in ns from the start of the run.
    #[inline]
    pub fn next_due_ns(&mut self) -> u64 {
        match &mut self.course {
            Course::AtOnce => AT_ONCE,
            Course::Constant(stepper) => stepper.next(),
            Course::Poisson(poisson) => poisson.next(),
            Course::Bursts(bursts) => bursts.next(),
            Course::Ramp(ramp) => ramp.next(),
            Course::Stamps(stamps) => stamps.next(),
        }
    }

    /// Whether every event is due [`AT_ONCE`].
    pub fn is_max(&self) -> bool {
        matches!(self.course, Course::AtOnce)
    }

    /// The average rate asked for; `None` at full speed and for a ramp, which has no single rate.
    pub fn asked_events_per_s(&self) -> Option<f64> {
        self.asked
    }

    /// The schedule in words, for the report: "1000000/s poisson", "max".
    pub fn words(&self) -> &str {
        &self.words
    }
}

/// ⌊k × numerator / denominator⌋ for k = 0, 1, 2, …, without a division and without an error: the
/// remainders are carried, as Bresenham's line does.
#[derive(Clone, Debug)]
struct Stepper {
    value: u64,
    carry: u128,
    quotient: u64,
    remainder: u128,
    denominator: u128,
}

impl Stepper {
    fn new(numerator: u128, denominator: u128) -> Self {
        Stepper {
            value: 0,
            carry: 0,
            quotient: u64::try_from(numerator / denominator).unwrap_or(u64::MAX),
            remainder: numerator % denominator,
            denominator,
        }
    }

    #[inline]
    fn next(&mut self) -> u64 {
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
struct Poisson {
    random: Random,
    mean_ns: f64,
    due_ns: u64,
    due_2_32: u64,
}

impl Poisson {
    #[inline]
    fn next(&mut self) -> u64 {
        let gap = self.random.exponential() * self.mean_ns;
        let whole = gap as u64;
        self.due_2_32 += ((gap - whole as f64) * 4_294_967_296.0) as u64;
        self.due_ns = self.due_ns.saturating_add(whole + (self.due_2_32 >> 32));
        self.due_2_32 &= 0xFFFF_FFFF;
        self.due_ns
    }
}

/// ```text
///   within bursts   0 ────────── on │ ────────── 2 on │ ─────────        the stepper's time
///   due             0 ────────── on │ off … │ ────────── │ off … │ ──    plus burst × off
/// ```
#[derive(Clone, Debug)]
struct Bursts {
    within: Stepper,
    on_ns: u64,
    off_ns: u64,
    burst: u64,
    burst_end_ns: u64,
}

impl Bursts {
    #[inline]
    fn next(&mut self) -> u64 {
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
struct Ramp {
    k: u64,
    from_per_ns: f64,
    to_per_ns: f64,
    over_ns: f64,
    events_of_ramp: f64,
    last_ns: u64,
}

impl Ramp {
    fn new(from: Rate, to: Rate, over_ns: u64) -> Self {
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
    fn next(&mut self) -> u64 {
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
struct Stamps {
    offsets: Box<[u64]>,
    period_ns: u64,
    at: usize,
    base_ns: u64,
}

impl Stamps {
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
    fn next(&mut self) -> u64 {
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
#[path = "schedule_tests.rs"]
mod tests;
