//! What a setting's value can be, and how it is read from TOML or from the command line.
//!
//! The command line knows only text, so every type reads text; where a file gives an integer the type
//! reads its decimal digits. `"1M"` and `1000000` are therefore the same count wherever they stand.

use super::nearest::did_you_mean;
use crate::schedule::Allocator;
use crate::source::load::{Arrivals, KeyDistribution, ValuePattern};
use crate::source::pace::Speed;
use crate::source::trace::{FieldType, Format, Header, OnBadRecord, TimeUnit};
use crate::sys::quantity;
use crate::sys::rate::Rate;
use toml::Value;

/// A type that a setting can have.
pub trait Setting: Sized {
    /// What is accepted, for error messages: "a count such as 1000000 or \"1M\"".
    const EXPECTED: &'static str;

    /// Reads the setting from text.
    ///
    /// # Errors
    /// Why not, or what to do, for the message's help line; may be empty.
    fn from_text(text: &str) -> Result<Self, String>;

    /// Reads the setting from a TOML value; numbers and text are both read as text by default.
    ///
    /// # Errors
    /// As [`Setting::from_text`].
    fn from_toml(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::from_text(text),
            Value::Integer(number) => Self::from_text(&number.to_string()),
            Value::Float(number) => Self::from_text(&number.to_string()),
            _ => Err(String::new()),
        }
    }
}

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_text(_: &str) -> Result<Self, String> {
        Err("write it without quotes".into())
    }

    fn from_toml(value: &Value) -> Result<Self, String> {
        value
            .as_bool()
            .ok_or_else(|| "write true or false, without quotes".into())
    }
}

impl Setting for String {
    const EXPECTED: &'static str = "text in quotes";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn from_toml(value: &Value) -> Result<Self, String> {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| "put it in quotes".into())
    }
}

impl Setting for u64 {
    const EXPECTED: &'static str = "a count such as 1000000 or \"1M\"";

    fn from_text(text: &str) -> Result<Self, String> {
        quantity::parse_count(text).map_err(|error| error.problem)
    }
}

impl Setting for f64 {
    const EXPECTED: &'static str = "a number such as 100 or 0.01";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .ok_or_else(String::new)
    }
}

/// A length of time, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DurationNs(pub u64);

impl Setting for DurationNs {
    const EXPECTED: &'static str = "a duration with its unit, such as \"10us\" or \"1.5s\"";

    fn from_text(text: &str) -> Result<Self, String> {
        quantity::parse_duration_ns(text)
            .map(DurationNs)
            .map_err(|error| error.problem)
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Setting for Bytes {
    const EXPECTED: &'static str = "a size with its unit, such as \"64 MiB\" or \"1.5 GiB\"";

    fn from_text(text: &str) -> Result<Self, String> {
        quantity::parse_bytes(text)
            .map(Bytes)
            .map_err(|error| error.problem)
    }
}

/// Types of lower layers that read themselves; their errors say what the problem is.
macro_rules! reads_itself {
    ($($Type:ty: $expected:literal),+ $(,)?) => { $(
        impl Setting for $Type {
            const EXPECTED: &'static str = $expected;

            fn from_text(text: &str) -> Result<Self, String> {
                text.parse::<$Type>().map_err(|error| error.problem)
            }
        }
    )+ };
}

reads_itself! {
    Rate: "events a second such as 1000000 or \"1M\", or \"max\"",
    Speed: "a factor such as \"1x\" or \"10x\", or \"max\"",
    KeyDistribution: "uniform(n), zipf(s,n), hot(share,hot_keys,n) or sequential(n), such as \"zipf(0.99,1M)\"",
    ValuePattern: "constant(value) or uniform(low,high), such as \"uniform(0,999)\"",
    Arrivals: "constant, poisson, bursts(on,off), ramp(from,to,over) or trace, such as \"bursts(10ms,90ms)\"",
}

/// Choices of lower layers, by their names.
macro_rules! named {
    ($($Type:ty: $expected:literal),+ $(,)?) => { $(
        impl Setting for $Type {
            const EXPECTED: &'static str = $expected;

            fn from_text(text: &str) -> Result<Self, String> {
                text.parse::<$Type>().map_err(|_| did_you_mean(text, <$Type>::NAMES))
            }
        }
    )+ };
}

named! {
    Format: "one of auto, csv, tsv, jsonl, native, oracle-general, lis, lines, u32le, u32be, u64le, u64be",
    Header: "one of \"auto\", \"yes\", \"no\"",
    FieldType: "one of \"auto\", \"u64\", \"text\"",
    TimeUnit: "one of \"auto\", \"s\", \"ms\", \"us\", \"ns\"",
    Allocator: "one of \"auto\", \"greedy\", \"dp\", \"chains\", \"round-robin\", \"random\"",
    OnBadRecord: "\"dead-letter\" or \"fail\"",
}

/// A value, or "auto": the engine decides and the report says what it chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auto<T> {
    /// The engine decides.
    Auto,
    /// As given.
    Given(T),
}

impl<T> Auto<T> {
    /// The value given, if any.
    pub fn given(self) -> Option<T> {
        match self {
            Auto::Auto => None,
            Auto::Given(value) => Some(value),
        }
    }
}

impl<T: Setting> Setting for Auto<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "auto" {
            Ok(Auto::Auto)
        } else {
            T::from_text(text).map(Auto::Given)
        }
    }
}

/// A value, or "none".
impl<T: Setting> Setting for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "none" {
            Ok(None)
        } else {
            T::from_text(text).map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_text_are_the_same_count() {
        assert_eq!(u64::from_toml(&Value::Integer(1_000_000)), Ok(1_000_000));
        assert_eq!(u64::from_toml(&Value::String("1M".into())), Ok(1_000_000));
        assert!(u64::from_toml(&Value::Integer(-1)).is_err());
        assert!(u64::from_toml(&Value::Boolean(true)).is_err());
    }

    #[test]
    fn a_rate_or_speed_of_zero_is_refused() {
        for text in ["0", "-1", "nan", "inf", "", "fast"] {
            assert!(Rate::from_text(text).is_err(), "rate {text:?}");
            assert!(Speed::from_text(text).is_err(), "speed {text:?}");
        }
        assert_eq!(Rate::from_text("max"), Ok(Rate::MAX));
        assert_eq!(
            Rate::from_text("100k").map(Rate::events_per_s),
            Ok(Some(100_000.0))
        );
        assert_eq!(Speed::from_text("1x"), Ok(Speed::REAL));
    }

    #[test]
    fn auto_and_none_stand_beside_values() {
        assert_eq!(Auto::<u64>::from_text("auto"), Ok(Auto::Auto));
        assert_eq!(
            Auto::<u64>::from_toml(&Value::Integer(2)),
            Ok(Auto::Given(2))
        );
        assert_eq!(Option::<DurationNs>::from_text("none"), Ok(None));
        assert_eq!(
            Option::<DurationNs>::from_text("1ms"),
            Ok(Some(DurationNs(1_000_000)))
        );
    }
}
