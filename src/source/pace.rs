//! The pace of a replay: when each record of a trace is due, and its event time in later rounds.
//!
//! ```text
//!   stamps of the trace   0 ─ 1 ── 3 ───────────── 9    round 1
//!   event time            0 ─ 1 ── 3 ───────────── 9 ── 12 ─ 13 ── 15 ──…   shifted by span + mean gap
//!   progress, gaps ≤ 4    0 ─ 1 ── 3 ──── 7 ── 10 ─ 11 ── 13 ──…            what the run lives through
//!   due at 2x             progress / 2
//! ```
//!
//! Due times never go back. A stamp that goes back is due together with the record before it, and time
//! goes on when a stamp passes the latest one seen: a disordered trace takes no longer than a sorted one.
//!
//! Owned by the source task; pure, and nothing is allocated once it is built.

use crate::source::load::{AT_ONCE, Schedule};
use crate::sys::quantity::{QuantityError, exact_duration};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

const SPEED_EXPECTED: &str =
    "a factor from 0.000001x to 1000000x such as 1x, 10x or 0.5x, or `max` for full speed";
/// Speeds are held in millionths.
const MICRO: u64 = 1_000_000;

/// How much faster than recorded a trace is replayed; or full speed. Exact to a millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    micro: Option<NonZeroU64>,
}

impl Speed {
    /// As fast as the engine takes the records.
    pub const MAX: Speed = Speed { micro: None };
    /// As recorded.
    pub const REAL: Speed = Speed {
        micro: NonZeroU64::new(MICRO),
    };

    /// Whether this is full speed.
    pub fn is_max(self) -> bool {
        self.micro.is_none()
    }
}

impl FromStr for Speed {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Speed, QuantityError> {
        let fail = |problem: &str| QuantityError {
            value: text.to_string(),
            quantity: "speed",
            problem: problem.to_string(),
            expected: SPEED_EXPECTED,
        };
        let trimmed = text.trim();
        if trimmed.eq_ignore_ascii_case("max") {
            return Ok(Speed::MAX);
        }
        let number = trimmed.strip_suffix(['x', 'X']).unwrap_or(trimmed).trim();
        let factor: f64 = number.parse().map_err(|_| fail("it is not a number"))?;
        // Rounded, not cut: 0.1 × 10^6 as floats may lie just below 100,000.
        match (factor * MICRO as f64).round() {
            m if m.is_nan() => Err(fail("it is not a number")),
            m if m < 0.0 => Err(fail("it is negative")),
            m if m < 1.0 => Err(fail("at that speed the trace would never move")),
            m if m > 1e12 => Err(fail("it is too large")),
            m => Ok(Speed {
                micro: NonZeroU64::new(m as u64),
            }),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.micro {
            None => f.write_str("max"),
            Some(micro) => write!(f, "{}x", micro.get() as f64 / MICRO as f64),
        }
    }
}

/// A record's two times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paced {
    /// When it is due, ns from the start of the run; [`AT_ONCE`] at full speed.
    pub due_ns: u64,
    /// Its event time: the stamp, shifted in every round but the first.
    pub ts_ns: u64,
}

/// Maps stamps to due times.
#[derive(Clone, Debug)]
pub struct Pace {
    tempo: Tempo,
    max_gap_ns: u64,
    /// ns of trace time that the run has lived through, gaps cut.
    progress_ns: u64,
    /// Latest event time so far; `None` before the first record.
    latest_ns: Option<u64>,
    round: Round,
    /// What is added to the stamps of this round.
    shift_ns: u64,
}

#[derive(Clone, Debug)]
enum Tempo {
    Speed(Speed),
    Rate(Box<Schedule>),
}

/// What a position remembers of a pace: what decides the event times that follow, and where in a
/// fraction of an ns due times stand, so that a restored run rounds them as the uninterrupted one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PacePosition {
    round: Round,
    shift_ns: u64,
    progress_ns: u64,
    latest_ns: Option<u64>,
}

/// Stamps of the round under way, unshifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Round {
    records: u64,
    first_ns: u64,
    last_ns: u64,
}

const EMPTY: Round = Round {
    records: 0,
    first_ns: u64::MAX,
    last_ns: 0,
};

impl Pace {
    /// As the stamps say, `speed` times as fast. A gap longer than `max_gap_ns` (in the trace's own
    /// time, before the speed is applied) is cut down to it; event times keep their gaps.
    pub fn at_speed(speed: Speed, max_gap_ns: Option<u64>) -> Self {
        Pace::new(Tempo::Speed(speed), max_gap_ns.unwrap_or(u64::MAX))
    }

    /// As `schedule` says, whatever the stamps are.
    pub fn at_rate(schedule: Schedule) -> Self {
        Pace::new(Tempo::Rate(Box::new(schedule)), u64::MAX)
    }

    fn new(tempo: Tempo, max_gap_ns: u64) -> Self {
        Pace {
            tempo,
            max_gap_ns,
            progress_ns: 0,
            latest_ns: None,
            round: EMPTY,
            shift_ns: 0,
        }
    }

    /// The times of the next record, which is stamped `ts_ns`.
    #[inline]
    pub fn times(&mut self, ts_ns: u64) -> Paced {
        self.round.records += 1;
        self.round.first_ns = self.round.first_ns.min(ts_ns);
        self.round.last_ns = self.round.last_ns.max(ts_ns);
        let ts_ns = ts_ns.saturating_add(self.shift_ns);
        let latest_ns = self.latest_ns.unwrap_or(ts_ns);
        let gap_ns = ts_ns.saturating_sub(latest_ns).min(self.max_gap_ns);
        self.progress_ns = self.progress_ns.saturating_add(gap_ns);
        self.latest_ns = Some(latest_ns.max(ts_ns));
        let due_ns = match &mut self.tempo {
            Tempo::Rate(schedule) => schedule.next_due_ns(),
            Tempo::Speed(speed) => speed.micro.map_or(AT_ONCE, |m| at(self.progress_ns, m)),
        };
        Paced { due_ns, ts_ns }
    }

    /// Notes `records` of the first round that are due at once, from `first_ns` to `last_ns`, without asking for the
    /// times of each: they count for the span and the mean gap of the round all the same.
    pub fn pass(&mut self, records: usize, first_ns: u64, last_ns: u64) {
        self.round.records += records as u64;
        self.round.first_ns = self.round.first_ns.min(first_ns);
        self.round.last_ns = self.round.last_ns.max(last_ns);
        self.latest_ns = self.latest_ns.max(Some(last_ns));
    }

    /// When the next record, stamped `ts_ns`, is due: the first half of [`Pace::times`].
    #[inline]
    pub fn due_ns(&mut self, ts_ns: u64) -> u64 {
        self.times(ts_ns).due_ns
    }

    /// The trace begins again: stamps are shifted on by its span and one mean gap (at least 1 ns), so
    /// that event time goes on as if the trace had. A round without records changes nothing.
    pub fn next_round(&mut self) {
        let Round {
            records,
            first_ns,
            last_ns,
        } = std::mem::replace(&mut self.round, EMPTY);
        if records > 0 {
            let span_ns = last_ns - first_ns;
            let mean_gap_ns = span_ns.checked_div(records - 1).unwrap_or(0).max(1);
            let shift_ns = self.shift_ns.saturating_add(span_ns);
            self.shift_ns = shift_ns.saturating_add(mean_gap_ns);
        }
    }

    /// Where it stands; `ahead` records were asked about that a restored run will ask about again.
    pub(super) fn position(&self, ahead: u64) -> PacePosition {
        // Their stamps stay in the span and in `latest_ns`: to be told of them again changes neither.
        let mut round = self.round;
        round.records -= ahead;
        PacePosition {
            round,
            shift_ns: self.shift_ns,
            progress_ns: self.progress_ns,
            latest_ns: self.latest_ns,
        }
    }

    /// Goes on at `position`, with `passed` records before it. Due times keep their distances; the first is
    /// whatever it is, and counts as the start of the run.
    pub(super) fn seek(&mut self, position: PacePosition, passed: u64) {
        self.round = position.round;
        self.shift_ns = position.shift_ns;
        self.progress_ns = position.progress_ns;
        self.latest_ns = position.latest_ns;
        if let Tempo::Rate(schedule) = &mut self.tempo
            && !schedule.is_max()
        {
            (0..passed).for_each(|_| {
                schedule.next_due_ns();
            });
        }
    }

    /// Whether every record is due [`AT_ONCE`].
    pub fn is_max(&self) -> bool {
        match &self.tempo {
            Tempo::Speed(speed) => speed.is_max(),
            Tempo::Rate(schedule) => schedule.is_max(),
        }
    }

    /// The rate asked for; `None` where the stamps or full speed decide.
    pub fn asked_events_per_s(&self) -> Option<f64> {
        match &self.tempo {
            Tempo::Speed(_) => None,
            Tempo::Rate(schedule) => schedule.asked_events_per_s(),
        }
    }
}

/// `progress_ns / speed`, rounded down, exactly.
#[inline]
fn at(progress_ns: u64, speed_micro: NonZeroU64) -> u64 {
    if speed_micro.get() == MICRO {
        return progress_ns;
    }
    match progress_ns.checked_mul(MICRO) {
        Some(product) => product / speed_micro,
        // After five hours of trace time.
        None => {
            let due = u128::from(progress_ns) * u128::from(MICRO) / u128::from(speed_micro.get());
            u64::try_from(due).unwrap_or(u64::MAX)
        }
    }
}

impl fmt::Display for Pace {
    /// In words, for the report: "trace at 10x, gaps cut to 1s", "1000000/s constant", "max".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tempo {
            Tempo::Rate(schedule) => f.write_str(schedule.words()),
            Tempo::Speed(speed) if speed.is_max() => f.write_str("max"),
            Tempo::Speed(speed) => {
                write!(f, "trace at {speed}")?;
                match self.max_gap_ns {
                    u64::MAX => Ok(()),
                    gap => write!(f, ", gaps cut to {}", exact_duration(gap)),
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
