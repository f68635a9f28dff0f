//! Numbers from bytes: no allocation, no UTF-8 check, and every refusal says why.
use std::str;

/// Why a field is not the number it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// The record has no such field (JSON), or it is null.
    Missing,
    Empty,
    NotANumber,
    Negative,
    OutOfRange,
    /// A decimal where no scale was given.
    Decimal,
    NotATime,
}

/// An unsigned number in plain digits.
#[inline]
pub(super) fn parse_u64(bytes: &[u8]) -> Result<u64, Misfit> {
    // 19 digits cannot overflow, so the common case needs no checked arithmetic.
    if bytes.is_empty() || bytes.len() > 19 {
        return parse_u64_slow(bytes);
    }
    let mut number = 0u64;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return parse_u64_slow(bytes);
        }
        number = number * 10 + u64::from(digit);
    }
    Ok(number)
}

#[cold]
fn parse_u64_slow(bytes: &[u8]) -> Result<u64, Misfit> {
    let bytes = bytes.trim_ascii();
    match bytes {
        [] => return Err(Misfit::Empty),
        [b'-', rest @ ..] if is_digits(rest) => return Err(Misfit::Negative),
        _ if is_decimal(bytes) => return Err(Misfit::Decimal),
        _ if !is_digits(bytes) => return Err(Misfit::NotANumber),
        _ => {}
    }
    let mut number = 0u64;
    for byte in bytes {
        number = number
            .checked_mul(10)
            .and_then(|number| number.checked_add(u64::from(byte - b'0')))
            .ok_or(Misfit::OutOfRange)?;
    }
    Ok(number)
}

/// A signed number in plain digits.
#[inline]
pub(super) fn parse_i64(bytes: &[u8]) -> Result<i64, Misfit> {
    let (negative, digits) = match bytes {
        [b'-'] | [b'-', b' ' | b'\t', ..] => return Err(Misfit::NotANumber),
        [b'-', digits @ ..] => (true, digits),
        _ => (false, bytes),
    };
    match parse_u64(digits) {
        Ok(number) if negative => 0i64.checked_sub_unsigned(number).ok_or(Misfit::OutOfRange),
        Ok(number) => i64::try_from(number).map_err(|_| Misfit::OutOfRange),
        Err(Misfit::Negative) if !negative => parse_i64(bytes.trim_ascii()),
        Err(Misfit::Negative) => Err(Misfit::NotANumber),
        Err(misfit) => Err(misfit),
    }
}

/// `round(number × scale)`; exact for whole numbers and whole scales.
pub(super) fn parse_scaled(bytes: &[u8], scale: f64) -> Result<i64, Misfit> {
    if scale.fract() == 0.0 && scale.abs() < 9e15 {
        match parse_i64(bytes) {
            Ok(number) => return number.checked_mul(scale as i64).ok_or(Misfit::OutOfRange),
            Err(Misfit::Decimal | Misfit::NotANumber) => {}
            Err(misfit) => return Err(misfit),
        }
    }
    let scaled = (parse_f64(bytes)? * scale).round();
    // 2^63 itself is no i64, and every f64 below it is.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&scaled) {
        Ok(scaled as i64)
    } else {
        Err(Misfit::OutOfRange)
    }
}

/// A finite number, decimals and exponents allowed.
pub(super) fn parse_f64(bytes: &[u8]) -> Result<f64, Misfit> {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return Err(Misfit::Empty);
    }
    let number: f64 = str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(Misfit::NotANumber)?;
    if number.is_finite() {
        Ok(number)
    } else if bytes.iter().any(u8::is_ascii_digit) {
        Err(Misfit::OutOfRange)
    } else {
        Err(Misfit::NotANumber)
    }
}

/// A weight.
pub(super) fn parse_f32(bytes: &[u8]) -> Result<f32, Misfit> {
    let number = parse_f64(bytes)? as f32;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(Misfit::OutOfRange)
    }
}

/// A stamp in units of `unit_ns`, decimals allowed and kept to the ns, in ns.
#[inline]
pub(super) fn parse_ns(bytes: &[u8], unit_ns: u64) -> Result<u64, Misfit> {
    match parse_u64(bytes) {
        Ok(whole) => whole.checked_mul(unit_ns).ok_or(Misfit::OutOfRange),
        Err(Misfit::Decimal | Misfit::NotANumber) => parse_decimal_ns(bytes.trim_ascii(), unit_ns),
        Err(misfit) => Err(misfit),
    }
}

fn parse_decimal_ns(bytes: &[u8], unit_ns: u64) -> Result<u64, Misfit> {
    if let Some(point) = bytes.iter().position(|byte| *byte == b'.') {
        let (whole, fraction) = (&bytes[..point], &bytes[point + 1..]);
        if is_digits(whole) && fraction.iter().all(u8::is_ascii_digit) {
            let whole = parse_u64(whole)?;
            // Digits beyond the 18th are below any ns.
            let fraction = &fraction[..fraction.len().min(18)];
            let digits = if fraction.is_empty() {
                0
            } else {
                parse_u64(fraction)?
            };
            let part = u128::from(digits) * u128::from(unit_ns) / 10u128.pow(fraction.len() as u32);
            let part = u64::try_from(part).map_err(|_| Misfit::OutOfRange)?;
            return whole
                .checked_mul(unit_ns)
                .and_then(|ns| ns.checked_add(part))
                .ok_or(Misfit::OutOfRange);
        }
    }
    // An exponent: no digits to keep, f64 is what the writer had.
    let ns = parse_f64(bytes)? * unit_ns as f64;
    match ns {
        _ if ns < 0.0 => Err(Misfit::Negative),
        _ if ns >= 18_446_744_073_709_551_616.0 => Err(Misfit::OutOfRange),
        _ => Ok(ns.round() as u64),
    }
}

fn is_digits(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

fn is_decimal(bytes: &[u8]) -> bool {
    bytes.contains(&b'.') && parse_f64(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_edges_of_the_range() {
        assert_eq!(parse_u64(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), Err(Misfit::OutOfRange));
        assert_eq!(parse_u64(b"00000000000000000000007"), Ok(7));
        assert_eq!(parse_u64(b" 42 "), Ok(42));
        assert_eq!(parse_i64(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(parse_i64(b"9223372036854775808"), Err(Misfit::OutOfRange));
        assert_eq!(parse_i64(b" -5 "), Ok(-5));
    }

    #[test]
    fn refusals_say_why() {
        let why = |bytes: &[u8]| parse_u64(bytes).unwrap_err();
        assert_eq!(why(b""), Misfit::Empty);
        assert_eq!(why(b"-3"), Misfit::Negative);
        assert_eq!(why(b"2.5"), Misfit::Decimal);
        for text in ["x", "1x", "+1", "--1", "1 2", "é"] {
            assert_eq!(why(text.as_bytes()), Misfit::NotANumber, "{text}");
        }
        assert_eq!(parse_i64(b"--1"), Err(Misfit::NotANumber));
        assert_eq!(parse_i64(b"-"), Err(Misfit::NotANumber));
        assert_eq!(parse_f32(b"nan"), Err(Misfit::NotANumber));
        assert_eq!(parse_f32(b"1e39"), Err(Misfit::OutOfRange));
    }

    #[test]
    fn scale_and_fraction() {
        assert_eq!(parse_scaled(b"2.345", 100.0), Ok(235));
        assert_eq!(parse_scaled(b"-7", 1000.0), Ok(-7000));
        assert_eq!(
            parse_scaled(b"9007199254740993", 1.0),
            Ok(9_007_199_254_740_993)
        );
        assert_eq!(parse_scaled(b"1e300", 1.0), Err(Misfit::OutOfRange));
        assert_eq!(
            parse_ns(b"1396437466.94", 1_000_000_000),
            Ok(1_396_437_466_940_000_000)
        );
        assert_eq!(parse_ns(b"0.000000001", 1_000_000_000), Ok(1));
        assert_eq!(parse_ns(b"1.5e3", 1_000_000), Ok(1_500_000_000));
        assert_eq!(
            parse_ns(b"99999999999999", 1_000_000_000),
            Err(Misfit::OutOfRange)
        );
        assert_eq!(parse_ns(b"-1", 1), Err(Misfit::Negative));
        assert_eq!(parse_ns(b"-1.5", 1), Err(Misfit::Negative));
    }

    proptest! {
        #[test]
        fn numbers_read_back(a in any::<u64>(), b in any::<i64>()) {
            prop_assert_eq!(parse_u64(a.to_string().as_bytes()), Ok(a));
            prop_assert_eq!(parse_i64(b.to_string().as_bytes()), Ok(b));
        }

        #[test]
        fn agrees_with_the_standard_library(text in "[0-9 .eE+-]{0,24}") {
            let trimmed = text.trim();
            let plain = !trimmed.starts_with('+');
            prop_assert_eq!(parse_u64(text.as_bytes()).ok(), trimmed.parse::<u64>().ok().filter(|_| plain));
            prop_assert_eq!(parse_i64(text.as_bytes()).ok(), trimmed.parse::<i64>().ok().filter(|_| plain));
        }
    }
}
