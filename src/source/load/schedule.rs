//! When each event is due: an open-loop schedule, fixed before the first event runs.
//!
//! Due times count in ns from the start of the run, never go back, and do not drift: the k-th event of a
//! constant schedule is due at ⌊k × 10^9 / rate⌋ after a day as after a second. At full speed every
//! event is due [`AT_ONCE`], and the source stamps it when it takes it up.

use super::arrivals::Arrivals;
use super::call::ParseError;
use super::course::{Bursts, NS_MICRO, Poisson, Ramp, Stamps, Stepper};
use crate::sys::random::Random;
use crate::sys::rate::Rate;
use thiserror::Error;

/// The due time of every event at full speed.
pub const AT_ONCE: u64 = 0;

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
            Arrivals::Poisson => {
                Course::Poisson(Poisson::new(micro, Random::stream(seed, "arrivals")))
            }
            Arrivals::Bursts { on_ns, off_ns } => Course::Bursts(Bursts::new(micro, on_ns, off_ns)),
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
        let stamps = Stamps::new(stamps_ns).ok_or(ScheduleError::NoSpan {
            stamps: stamps_ns.len(),
        })?;
        let (stamps, asked, words) = match rate.map(|rate| (rate, rate.micro_events_per_s())) {
            None => {
                let natural = stamps.events_per_s();
                (stamps, natural, "times of the trace".to_string())
            }
            Some((_, None)) => return Ok(Schedule::at_once()),
            Some((rate, Some(micro))) => (
                stamps.at_rate(micro.get()),
                micro.get() as f64 / 1e6,
                format!("times of the trace, stretched to {rate}"),
            ),
        };
        Ok(Schedule {
            course: Course::Stamps(stamps),
            asked: Some(asked),
            words,
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

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
