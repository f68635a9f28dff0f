//! Numbers as people write them: `10M`, `64 MiB`, `1.5s`; and as people like to read them.
//!
//! Reading is exact: the digits are scaled as integers, so `0.1s` is 100,000,000 ns and no float is
//! involved. What does not fit, has no unit where one is needed, or is not a number is refused with
//! the text, what was expected, and the remedy.

use std::time::Duration;
use thiserror::Error;

/// A text that is not the quantity it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{value}` is not a {quantity}: {problem}; expected {expected}")]
pub struct QuantityError {
    /// The text as given.
    pub value: String,
    /// What it was to be: "count", "size", "duration", "rate".
    pub quantity: &'static str,
    /// What is wrong with it.
    pub problem: String,
    /// What would be right, with examples.
    pub expected: &'static str,
}

const COUNT: &str = "a whole number, with k, M or G where it helps, such as 500000, 500k or 1.5M";
const SIZE: &str = "a number and a unit (B, KiB, MiB, GiB, TiB; kB, MB, GB, TB), such as 64 MiB";
const DURATION: &str =
    "a number and a unit (ns, us, ms, s, min, h, d), such as 250us, 1.5s or 1h 30min";

/// Decimal suffixes, as powers of ten. Lower-case `m` is refused: it would read as a thousandth.
pub(super) const DECIMAL_SUFFIXES: &[(&str, u32)] = &[
    ("", 0),
    ("k", 3),
    ("K", 3),
    ("M", 6),
    ("G", 9),
    ("B", 9),
    ("T", 12),
];

/// A count: `1000000`, `1_000_000`, `500k`, `1.5M`, `2G`, `1e6`.
///
/// # Errors
/// Not a number, a fraction of one, negative, or above 2^64 − 1.
pub fn parse_count(text: &str) -> Result<u64, QuantityError> {
    let fail = |problem: String| error(text, "count", problem, COUNT);
    let (number, unit) = split(text).map_err(fail)?;
    let (_, power) = DECIMAL_SUFFIXES
        .iter()
        .find(|(s, _)| *s == unit)
        .ok_or_else(|| fail(unknown_unit(unit)))?;
    number.scaled(10u128.pow(*power), true).map_err(fail)
}

/// A size in bytes: `64 MiB`, `1.5GiB`, `4096`, `4096 B`, `10MB`; a fraction of a byte is rounded down.
///
/// # Errors
/// Not a number, an unknown unit, negative, or above 2^64 − 1 bytes.
pub fn parse_bytes(text: &str) -> Result<u64, QuantityError> {
    let fail = |problem: String| error(text, "size", problem, SIZE);
    let (number, unit) = split(text).map_err(fail)?;
    let bytes = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        "tib" | "t" => 1u128 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(fail(unknown_unit(unit))),
    };
    number.scaled(bytes, false).map_err(fail)
}

/// A duration in ns: `10s`, `1.5ms`, `250us`, `250µs`, `1h 30min`, `0`; a fraction of a ns is rounded down.
///
/// # Errors
/// Not a number, no unit, an unknown unit, negative, or above 2^64 − 1 ns (584 years).
pub fn parse_duration_ns(text: &str) -> Result<u64, QuantityError> {
    let fail = |problem: String| error(text, "duration", problem, DURATION);
    let trimmed = text.trim();
    if let Ok((number, unit)) = split(trimmed)
        && let Some(unit_ns) = unit_ns(unit)
    {
        return number.scaled(unit_ns, false).map_err(fail);
    }
    if trimmed.parse::<f64>().is_ok_and(|n| n != 0.0) {
        return Err(fail("the unit is missing".into()));
    }
    let duration: Duration = humantime::parse_duration(trimmed)
        .map_err(|e| fail(e.to_string().trim_end_matches('.').to_string()))?;
    u64::try_from(duration.as_nanos()).map_err(|_| fail("it is too large".into()))
}

fn unit_ns(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" | "sec" => 1_000_000_000,
        "min" | "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    })
}

fn error(
    value: &str,
    quantity: &'static str,
    problem: String,
    expected: &'static str,
) -> QuantityError {
    QuantityError {
        value: value.to_string(),
        quantity,
        problem,
        expected,
    }
}

fn unknown_unit(unit: &str) -> String {
    match unit {
        "m" => "`m` could mean thousandths or millions; write M for millions".into(),
        _ => format!("`{unit}` is not a unit that it can have"),
    }
}

/// A decimal number, exactly: `digits × 10^exponent`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    digits: u128,
    exponent: i32,
}

impl Decimal {
    /// The number times `factor`, as an integer; `whole` refuses a remainder, else it is dropped.
    pub(super) fn scaled(self, factor: u128, whole: bool) -> Result<u64, String> {
        let too_large = || "it is too large".to_string();
        let product = self.digits.checked_mul(factor).ok_or_else(too_large)?;
        let power = 10u128.checked_pow(self.exponent.unsigned_abs());
        let value = match (power, self.exponent < 0) {
            (Some(power), false) => product.checked_mul(power).ok_or_else(too_large)?,
            (Some(power), true) if whole && product % power != 0 => {
                return Err("it is not a whole number".into());
            }
            (Some(power), true) => product / power,
            (None, false) if product == 0 => 0,
            (None, false) => return Err(too_large()),
            (None, true) if whole && product != 0 => {
                return Err("it is not a whole number".into());
            }
            (None, true) => 0,
        };
        u64::try_from(value).map_err(|_| too_large())
    }
}

/// Splits `text` into its number and the unit behind it (spaces between them are fine).
pub(super) fn split(text: &str) -> Result<(Decimal, &str), String> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.starts_with('-') {
        return Err("it is negative".into());
    }
    let bytes = text.as_bytes();
    let (mut at, mut digits, mut exponent, mut seen, mut point) = (0, 0u128, 0i32, false, false);
    while at < bytes.len() {
        match bytes[at] {
            d @ b'0'..=b'9' => {
                digits = digits
                    .checked_mul(10)
                    .and_then(|n| n.checked_add(u128::from(d - b'0')))
                    .filter(|n| *n < 1 << 80)
                    .ok_or("it has too many digits")?;
                exponent -= i32::from(point);
                seen = true;
            }
            b'_' if seen => {}
            b'.' if !point => point = true,
            _ => break,
        }
        at += 1;
    }
    if !seen {
        return Err("it does not begin with a number".into());
    }
    // An exponent (1e6) needs a digit behind the e, so that a unit may begin with one.
    if at < bytes.len() && bytes[at].eq_ignore_ascii_case(&b'e') {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let from = at + 1 + sign;
        let len = bytes[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        if len > 0 {
            let e: i32 = text[at + 1..from + len]
                .parse()
                .ok()
                .filter(|e: &i32| e.abs() <= 1_000)
                .ok_or("its exponent is too large")?;
            exponent += e;
            at = from + len;
        }
    }
    Ok((Decimal { digits, exponent }, text[at..].trim_start()))
}

/// A count for people, to three figures: `999`, `1.50 M`.
pub fn format_count(count: u64) -> String {
    if count < 1_000 {
        return count.to_string();
    }
    scaled_by(
        count as f64,
        1_000.0,
        &["", " k", " M", " G", " T", " P", " E"],
    )
}

/// A rate for people, to three figures: `1.00 M/s`, `0.500/s`.
pub fn format_rate(events_per_s: f64) -> String {
    scaled_by(events_per_s, 1_000.0, &["/s", " k/s", " M/s", " G/s"])
}

/// A size for people, to three figures: `512 B`, `64.0 MiB`.
pub fn format_bytes(bytes: u64) -> String {
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let units = [" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];
    scaled_by(bytes as f64, 1_024.0, &units)
}

/// A duration for people, to three figures: `850 ns`, `70.2 µs`, `1.50 s`, `2.00 h`.
pub fn format_duration_ns(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..60_000_000_000 => scaled_by(ns as f64, 1_000.0, &[" ns", " µs", " ms", " s"]),
        60_000_000_000..3_600_000_000_000 => format!("{} min", three_figures(ns as f64 / 6e10)),
        _ => format!("{} h", three_figures(ns as f64 / 3.6e12)),
    }
}

/// A duration as [`parse_duration_ns`] reads it back, exactly, in the largest unit that divides it.
pub fn exact_duration(ns: u64) -> String {
    let units = [
        (3_600_000_000_000, "h"),
        (60_000_000_000, "min"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    match units
        .iter()
        .find(|(unit, _)| ns > 0 && ns.is_multiple_of(*unit))
    {
        Some((unit, name)) => format!("{}{name}", ns / unit),
        None => format!("{ns}ns"),
    }
}

fn scaled_by(mut value: f64, step: f64, units: &[&str]) -> String {
    let mut unit = 0;
    // 999.5 and above would be shown as 1000 of the smaller unit.
    while unit + 1 < units.len() && value >= 999.5 {
        value /= step;
        unit += 1;
    }
    format!("{}{}", three_figures(value), units[unit])
}

fn three_figures(value: f64) -> String {
    match value {
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v if v >= 0.9995 || v == 0.0 => format!("{v:.2}"),
        v => format!("{v:.3}"),
    }
}

#[cfg(test)]
#[path = "quantity_tests.rs"]
mod tests;
