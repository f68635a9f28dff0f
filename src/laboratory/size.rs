//! Sizes of a cache as people write them: a share of the distinct keys, a count, or bytes.

use crate::sys::quantity::{parse_bytes, parse_count};
use std::fmt;
use std::str::FromStr;

/// How large a cache is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// Of the distinct keys of the trace; above 0, at most 1.
    Share(f64),
    /// Objects, whatever their size; at least 1.
    Objects(u64),
    /// Bytes, where the trace says how large its objects are; at least 1.
    Bytes(u64),
}

/// What a size counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Each object counts one.
    Objects,
    /// Each object counts its bytes.
    Bytes,
}

impl Unit {
    /// As it stands in the files.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Objects => "objects",
            Unit::Bytes => "bytes",
        }
    }
}

/// A text that is no size of a cache.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not the size of a cache: {problem}; expected {SIZES}")]
pub struct SizeError {
    /// The text.
    pub value: String,
    /// What is wrong with it.
    pub problem: String,
}

const SIZES: &str = "a share of the distinct keys such as 1%, above 0 and up to 100%, a count such as 1000 or 10k, \
                     or bytes such as 64 MiB";

impl Size {
    /// What it counts.
    pub fn unit(self) -> Unit {
        match self {
            Size::Bytes(_) => Unit::Bytes,
            Size::Share(_) | Size::Objects(_) => Unit::Objects,
        }
    }

    /// Objects or bytes, for a trace of `distinct` keys; at least 1.
    pub fn resolve(self, distinct: u64) -> u64 {
        match self {
            Size::Share(share) => ((share * distinct as f64).round() as u64).max(1),
            Size::Objects(count) | Size::Bytes(count) => count,
        }
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let text = text.trim();
        let fail = |problem: &str| SizeError {
            value: text.to_owned(),
            problem: problem.to_owned(),
        };
        let size = if let Some(percent) = text.strip_suffix('%') {
            let percent: f64 = percent
                .trim()
                .parse()
                .map_err(|_| fail("no number stands before the %"))?;
            if percent.is_nan() || percent <= 0.0 {
                return Err(fail("a cache of nothing holds nothing"));
            }
            if percent > 100.0 {
                return Err(fail("all keys are 100%, and no cache needs more"));
            }
            return Ok(Size::Share(percent / 100.0));
        } else if text.ends_with(['B', 'b']) {
            Size::Bytes(parse_bytes(text).map_err(|error| fail(&error.problem))?)
        } else {
            Size::Objects(
                parse_count(text).map_err(|error| match text.parse::<f64>() {
                    Ok(share) if share > 0.0 && share < 1.0 => {
                        fail(&format!("for a share write {}%", share * 100.0))
                    }
                    _ => fail(&error.problem),
                })?,
            )
        };
        match size {
            Size::Objects(0) | Size::Bytes(0) => Err(fail("a cache of nothing holds nothing")),
            size => Ok(size),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // 0.1 / 100 × 100 is not 0.1: six digits are more than anybody writes.
            Size::Share(share) => write!(f, "{} %", (share * 1e8).round() / 1e6),
            Size::Objects(count) => write!(f, "{count}"),
            Size::Bytes(bytes) => write!(f, "{}", crate::sys::quantity::format_bytes(*bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_counts_and_bytes_are_told_apart() {
        let size = |text: &str| text.parse::<Size>().expect(text);
        assert_eq!(size("0.1%"), Size::Share(0.001));
        assert_eq!(size("25 %"), Size::Share(0.25));
        assert_eq!(size("10k"), Size::Objects(10_000));
        assert_eq!(size("1000"), Size::Objects(1_000));
        assert_eq!(size("64 MiB"), Size::Bytes(64 << 20));
        assert_eq!(size("512 B"), Size::Bytes(512));
        assert_eq!(size("0.1%").to_string(), "0.1 %");
        assert_eq!(size("25%").to_string(), "25 %");
    }

    #[test]
    fn a_share_is_rounded_to_the_nearest_count_and_never_to_none() {
        assert_eq!(Size::Share(0.001).resolve(186_880), 187);
        assert_eq!(Size::Share(0.25).resolve(48_974), 12_244);
        assert_eq!(Size::Share(0.001).resolve(20), 1);
        assert_eq!(Size::Objects(7).resolve(20), 7);
    }

    #[test]
    fn what_is_no_size_says_why() {
        for (text, part) in [
            ("0", "nothing"),
            ("0%", "nothing"),
            ("0 B", "nothing"),
            ("101%", "100%"),
            ("-1%", "nothing"),
            ("x%", "no number"),
            ("0.5", "50%"),
            ("ten", "number"),
            ("NaN%", "nothing"),
        ] {
            let error = text.parse::<Size>().expect_err(text).to_string();
            assert!(error.contains(part) && error.contains("64 MiB"), "{error}");
        }
    }
}
