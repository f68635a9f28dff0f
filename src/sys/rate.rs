//! How many events a second are asked for: a number, or as many as there can be.

use super::quantity::{DECIMAL_SUFFIXES, QuantityError, split};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// The highest rate that can be asked for: one event a nanosecond, the step of the clock.
pub const RATE_MAX_EVENTS_PER_S: u64 = 1_000_000_000;

const EXPECTED: &str = "events a second from 0.000001 to 1000000000, such as 1000000, 1M or 500k, \
     or `max` for full speed";

/// Events a second, exact to a millionth of an event; or full speed.
///
/// Reads `1000000`, `1M`, `500k`, `0.5`, `1M/s`, `max`; writes what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// `None` is full speed. At most 10^15.
    micro_events_per_s: Option<NonZeroU64>,
}

impl Rate {
    /// As fast as the engine takes them.
    pub const MAX: Rate = Rate {
        micro_events_per_s: None,
    };

    /// `events_per_s`, rounded to a millionth of an event.
    ///
    /// # Errors
    /// 0 (or less than half a millionth), negative, not a number, or above
    /// [`RATE_MAX_EVENTS_PER_S`].
    pub fn per_second(events_per_s: f64) -> Result<Rate, QuantityError> {
        let fail = |problem: &str| error(&events_per_s.to_string(), problem);
        let micro = events_per_s * 1e6;
        if micro.is_nan() {
            return Err(fail("it is not a number"));
        }
        if micro < 0.0 {
            return Err(fail("it is negative"));
        }
        if micro > RATE_MAX_EVENTS_PER_S as f64 * 1e6 {
            return Err(fail("it is above one event a nanosecond"));
        }
        Rate::of_micro(micro.round() as u64).map_err(fail)
    }

    fn of_micro(micro_events_per_s: u64) -> Result<Rate, &'static str> {
        match NonZeroU64::new(micro_events_per_s) {
            None => Err("at that rate no event would ever come"),
            Some(m) if m.get() > RATE_MAX_EVENTS_PER_S * 1_000_000 => {
                Err("it is above one event a nanosecond")
            }
            Some(m) => Ok(Rate {
                micro_events_per_s: Some(m),
            }),
        }
    }

    /// `None` at full speed.
    pub fn events_per_s(self) -> Option<f64> {
        self.micro_events_per_s.map(|m| m.get() as f64 / 1e6)
    }

    /// In millionths of an event a second, which is how the rate is held; `None` at full speed.
    pub fn micro_events_per_s(self) -> Option<NonZeroU64> {
        self.micro_events_per_s
    }

    /// Whether this is full speed.
    pub fn is_max(self) -> bool {
        self.micro_events_per_s.is_none()
    }
}

fn error(value: &str, problem: &str) -> QuantityError {
    QuantityError {
        value: value.to_string(),
        quantity: "rate",
        problem: problem.to_string(),
        expected: EXPECTED,
    }
}

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Rate, QuantityError> {
        let trimmed = text.trim();
        if trimmed.eq_ignore_ascii_case("max") {
            return Ok(Rate::MAX);
        }
        let number = trimmed.strip_suffix("/s").unwrap_or(trimmed);
        let (decimal, unit) = split(number).map_err(|p| error(text, &p))?;
        let (_, power) = DECIMAL_SUFFIXES
            .iter()
            .find(|(s, _)| *s == unit)
            .ok_or_else(|| error(text, &format!("`{unit}` is not a suffix that it can have")))?;
        let micro = decimal
            .scaled(10u128.pow(power + 6), false)
            .map_err(|p| error(text, &p))?;
        Rate::of_micro(micro).map_err(|p| error(text, p))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(micro) = self.micro_events_per_s else {
            return f.write_str("max");
        };
        let (whole, part) = (micro.get() / 1_000_000, micro.get() % 1_000_000);
        match part {
            0 => write!(f, "{whole}/s"),
            _ => {
                let digits = format!("{part:06}");
                write!(f, "{whole}.{}/s", digits.trim_end_matches('0'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        for (text, per_s) in [
            ("1000000", 1e6),
            ("1M", 1e6),
            ("1M/s", 1e6),
            ("500k", 5e5),
            ("0.5", 0.5),
            ("1e9", 1e9),
            ("0.000001", 1e-6),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.events_per_s(), Some(per_s), "{text}");
            assert_eq!(Rate::per_second(per_s).unwrap(), rate);
        }
        assert!("MAX".parse::<Rate>().unwrap().is_max());
    }

    #[test]
    fn refuses_rates_that_make_no_sense() {
        for (text, problem) in [
            ("0", "no event would ever come"),
            ("0.0000001", "no event would ever come"),
            ("-1", "negative"),
            ("NaN", "does not begin with a number"),
            ("1000000001", "above one event a nanosecond"),
            ("2G", "above one event a nanosecond"),
            ("1e30", "too large"),
            ("10 MiB", "`MiB`"),
            ("", "empty"),
        ] {
            let error = text.parse::<Rate>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
            assert!(error.contains("such as 1000000, 1M or 500k"), "{error}");
        }
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1.1e9] {
            assert!(Rate::per_second(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn written_rates_read_back(micro in 1u64..=1_000_000_000_000_000) {
            let rate = Rate::of_micro(micro).unwrap();
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }
    }
}
