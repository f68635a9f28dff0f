//! Which key an event has: uniform, Zipf, a hot set, or one after the other.
//!
//! Keys are `0..n`. In `zipf` key 0 is the most frequent, in `hot` the keys `0..hot_keys` are the hot
//! ones; whoever wants them scattered hashes them, as hash partitioning does anyway.

use super::call::{self, ParseError};
use super::zipf::Zipf;
use crate::sys::quantity::parse_count;
use crate::sys::random::Random;
use std::fmt;
use std::str::FromStr;

/// The steepest exponent accepted; with it key 0 already has all but 10^-6 of the events.
pub const ZIPF_EXPONENT_MAX: f64 = 20.0;
/// The most keys of a Zipf distribution: up to here a rank is exact as a float.
pub const ZIPF_KEYS_MAX: u64 = 1 << 53;

const EXPECTED: &str = "uniform(n), zipf(s,n), hot(share,hot_keys,n) or sequential(n), \
     such as zipf(0.99,1000000), uniform(16M) or hot(0.9,100,1M)";
const NAMES: &[&str] = &["uniform", "zipf", "hot", "sequential"];

/// How events are spread over keys. Built by `FromStr` or checked by [`KeyDistribution::check`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeyDistribution {
    /// Every one of `n` keys is equally likely.
    Uniform {
        /// Keys.
        n: u64,
    },
    /// Key `k` has a share proportional to `1 / (k + 1)^s`.
    Zipf {
        /// Exponent; 0 is uniform, 0.99 is YCSB's.
        s: f64,
        /// Keys.
        n: u64,
    },
    /// `share` of the events go to the first `hot_keys` keys, the rest to the others, both evenly.
    Hot {
        /// Share of events in the hot set, 0 to 1.
        share: f64,
        /// Keys of the hot set.
        hot_keys: u64,
        /// All keys, the hot ones included.
        n: u64,
    },
    /// 0, 1, …, n − 1, 0, 1, ….
    Sequential {
        /// Keys.
        n: u64,
    },
}

impl KeyDistribution {
    /// How many keys there are.
    pub fn keys(&self) -> u64 {
        match *self {
            Self::Uniform { n }
            | Self::Zipf { n, .. }
            | Self::Hot { n, .. }
            | Self::Sequential { n } => n,
        }
    }

    /// Refuses what cannot be drawn from.
    ///
    /// # Errors
    /// No keys; an exponent outside `0..=20`; more than 2^53 Zipf keys; a share outside `0..=1`;
    /// a hot set that is empty or leaves no other key.
    pub fn check(&self) -> Result<(), ParseError> {
        self.problem().map_or(Ok(()), |problem| {
            Err(ParseError {
                value: self.to_string(),
                what: "a key distribution",
                problem,
                expected: EXPECTED,
            })
        })
    }

    fn problem(&self) -> Option<String> {
        if self.keys() == 0 {
            return Some("n is 0, and there must be at least one key".into());
        }
        match *self {
            Self::Zipf { s, .. } if !(0.0..=ZIPF_EXPONENT_MAX).contains(&s) => Some(format!(
                "the exponent s is {s}, and must be from 0 to {ZIPF_EXPONENT_MAX}"
            )),
            Self::Zipf { n, .. } if n > ZIPF_KEYS_MAX => Some(format!(
                "n is {n}, and must be at most 2^53 = {ZIPF_KEYS_MAX}"
            )),
            Self::Hot { share, .. } if !(0.0..=1.0).contains(&share) => {
                Some(format!("the share is {share}, and must be from 0 to 1"))
            }
            Self::Hot { hot_keys, n, .. } if hot_keys == 0 || hot_keys >= n => Some(format!(
                "hot_keys is {hot_keys}, and must be at least 1 and less than n = {n}"
            )),
            _ => None,
        }
    }
}

impl FromStr for KeyDistribution {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fail = |problem| ParseError {
            value: text.to_string(),
            what: "a key distribution",
            problem,
            expected: EXPECTED,
        };
        let distribution = parse(text).map_err(fail)?;
        match distribution.problem() {
            None => Ok(distribution),
            Some(problem) => Err(fail(problem)),
        }
    }
}

fn parse(text: &str) -> Result<KeyDistribution, String> {
    let call = call::parse(text)?;
    let count =
        |name: &str, text: &str| parse_count(text).map_err(|e| format!("{name}: {}", e.problem));
    Ok(match call.name {
        "uniform" => {
            let [n] = call.exactly(["n"])?;
            KeyDistribution::Uniform { n: count("n", n)? }
        }
        "zipf" => {
            let [s, n] = call.exactly(["s", "n"])?;
            let (s, n) = (call::number("s", s)?, count("n", n)?);
            KeyDistribution::Zipf { s, n }
        }
        "hot" => {
            let [share, hot_keys, n] = call.exactly(["share", "hot_keys", "n"])?;
            KeyDistribution::Hot {
                share: call::number("share", share)?,
                hot_keys: count("hot_keys", hot_keys)?,
                n: count("n", n)?,
            }
        }
        "sequential" => {
            let [n] = call.exactly(["n"])?;
            KeyDistribution::Sequential { n: count("n", n)? }
        }
        name => return Err(call::unknown(name, NAMES)),
    })
}

impl fmt::Display for KeyDistribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform { n } => write!(f, "uniform({n})"),
            Self::Zipf { s, n } => write!(f, "zipf({s},{n})"),
            Self::Hot { share, hot_keys, n } => write!(f, "hot({share},{hot_keys},{n})"),
            Self::Sequential { n } => write!(f, "sequential({n})"),
        }
    }
}

/// Draws keys of a [`KeyDistribution`]; the same seed draws the same keys.
#[derive(Clone, Debug)]
pub struct KeySampler {
    random: Random,
    draw: Draw,
}

#[derive(Clone, Debug)]
enum Draw {
    Uniform {
        n: u64,
    },
    Zipf(Zipf),
    Hot {
        threshold: u64,
        hot_keys: u64,
        cold_keys: u64,
    },
    Sequential {
        n: u64,
        next: u64,
    },
}

impl KeySampler {
    /// A sampler of `distribution`, drawing from the stream "keys" of `seed`.
    ///
    /// # Errors
    /// As [`KeyDistribution::check`].
    pub fn new(distribution: &KeyDistribution, seed: u64) -> Result<Self, ParseError> {
        distribution.check()?;
        let draw = match *distribution {
            KeyDistribution::Uniform { n } => Draw::Uniform { n },
            KeyDistribution::Zipf { s, n } => Draw::Zipf(Zipf::new(s, n)),
            KeyDistribution::Hot { share, hot_keys, n } => Draw::Hot {
                // In 2^53rds, the steps in which the draw is made; 2^53 lets every draw pass.
                threshold: (share * (1u64 << 53) as f64).round() as u64,
                hot_keys,
                cold_keys: n - hot_keys,
            },
            KeyDistribution::Sequential { n } => Draw::Sequential { n, next: 0 },
        };
        Ok(KeySampler {
            random: Random::stream(seed, "keys"),
            draw,
        })
    }

    /// The next key.
    #[inline]
    pub fn next_key(&mut self) -> u64 {
        match &mut self.draw {
            Draw::Uniform { n } => self.random.below(*n),
            Draw::Zipf(zipf) => zipf.draw(&mut self.random),
            Draw::Hot {
                threshold,
                hot_keys,
                cold_keys,
            } => {
                let hot = self.random.next_u64() >> 11 < *threshold;
                let (first, keys) = if hot {
                    (0, *hot_keys)
                } else {
                    (*hot_keys, *cold_keys)
                };
                first + self.random.below(keys)
            }
            Draw::Sequential { n, next } => {
                let key = *next;
                *next = if key + 1 == *n { 0 } else { key + 1 };
                key
            }
        }
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
