//! Which value an event has.

use super::call::{self, ParseError};
use crate::sys::random::Random;
use std::fmt;
use std::str::FromStr;

const EXPECTED: &str =
    "constant(value) or uniform(low,high), such as constant(1) or uniform(0,999)";

/// How values are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValuePattern {
    /// Always the same value.
    Constant(i64),
    /// Evenly from `low..=high`.
    Uniform {
        /// Smallest value.
        low: i64,
        /// Largest value.
        high: i64,
    },
}

impl Default for ValuePattern {
    /// `uniform(0,999)`: small enough that no sum over a run overflows.
    fn default() -> Self {
        ValuePattern::Uniform { low: 0, high: 999 }
    }
}

impl ValuePattern {
    /// A value; `low` where `high` is less.
    #[inline]
    pub fn draw(&self, random: &mut Random) -> i64 {
        match *self {
            ValuePattern::Constant(value) => value,
            ValuePattern::Uniform { low, high } => {
                // The width of the full range, 2^64, does not fit and saturates to one value less.
                let width = high.checked_sub(low).map_or_else(
                    || (high as u64).wrapping_sub(low as u64).saturating_add(1),
                    |d| d.max(0) as u64 + 1,
                );
                low.wrapping_add(random.below(width) as i64)
            }
        }
    }
}

impl FromStr for ValuePattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text).map_err(|problem| ParseError {
            value: text.to_string(),
            what: "a value pattern",
            problem,
            expected: EXPECTED,
        })
    }
}

fn parse(text: &str) -> Result<ValuePattern, String> {
    let call = call::parse(text)?;
    let integer = |name: &str, text: &str| {
        text.parse::<i64>()
            .map_err(|_| format!("{name} `{text}` is not an integer of 64 bits"))
    };
    match call.name {
        "constant" => {
            let [value] = call.exactly(["value"])?;
            Ok(ValuePattern::Constant(integer("value", value)?))
        }
        "uniform" => {
            let [low, high] = call.exactly(["low", "high"])?;
            let (low, high) = (integer("low", low)?, integer("high", high)?);
            match low <= high {
                true => Ok(ValuePattern::Uniform { low, high }),
                false => Err(format!("low {low} is above high {high}")),
            }
        }
        name => Err(call::unknown(name, &["constant", "uniform"])),
    }
}

impl fmt::Display for ValuePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValuePattern::Constant(value) => write!(f, "constant({value})"),
            ValuePattern::Uniform { low, high } => write!(f, "uniform({low},{high})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for text in ["constant(-5)", "uniform(0,999)", "uniform(-3,3)"] {
            assert_eq!(text.parse::<ValuePattern>().unwrap().to_string(), text);
        }
        for (text, problem) in [
            ("uniform(3,1)", "low 3 is above high 1"),
            ("uniform(1)", "takes 2"),
            ("unifrom(1,2)", "did you mean `uniform`"),
            ("constant(x)", "not an integer"),
        ] {
            let error = text.parse::<ValuePattern>().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn draws_every_value_of_the_range_and_no_other() {
        let mut random = Random::new(3);
        let mut seen = [0u32; 7];
        for _ in 0..7_000 {
            let value = ValuePattern::Uniform { low: -3, high: 3 }.draw(&mut random);
            seen[usize::try_from(value + 3).unwrap()] += 1;
        }
        assert!(seen.iter().all(|n| (850..1_150).contains(n)), "{seen:?}");
        assert_eq!(ValuePattern::Constant(9).draw(&mut random), 9);
        let full = ValuePattern::Uniform {
            low: i64::MIN,
            high: i64::MAX,
        };
        let negative = (0..1_000).filter(|_| full.draw(&mut random) < 0).count();
        assert!((400..600).contains(&negative));
    }
}
