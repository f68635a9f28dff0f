//! Quantities: what is read, what is printed, what is refused.

use super::*;
use proptest::prelude::*;

#[test]
fn counts() {
    for (text, count) in [
        ("0", 0),
        ("1000000", 1_000_000),
        ("1_000_000", 1_000_000),
        ("10M", 10_000_000),
        ("1.5M", 1_500_000),
        (" 500k ", 500_000),
        ("500 K", 500_000),
        ("2G", 2_000_000_000),
        ("1e6", 1_000_000),
        ("1.25e2", 125),
        ("100e-2", 1),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(parse_count(text), Ok(count), "{text}");
    }
}

#[test]
fn bad_counts_say_what_is_wrong_and_what_is_right() {
    for (text, problem) in [
        ("", "empty"),
        ("ten", "does not begin with a number"),
        ("-1", "negative"),
        ("1.5", "not a whole number"),
        ("1e-400", "not a whole number"),
        ("10m", "write M for millions"),
        ("10 MiB", "`MiB` is not a unit"),
        ("18446744073709551616", "too large"),
        ("20000000T", "too large"),
        ("1e400", "too large"),
        ("1e99999999999", "exponent is too large"),
        ("99999999999999999999999999999999", "too many digits"),
        ("NaN", "does not begin with a number"),
        ("inf", "does not begin with a number"),
    ] {
        let error = parse_count(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
        assert!(error.starts_with(&format!("`{text}` is not a count")));
        assert!(error.contains("such as 500000"), "{error}");
    }
}

#[test]
fn sizes() {
    for (text, bytes) in [
        ("64 MiB", 64 << 20),
        ("64MiB", 64 << 20),
        ("1.5GiB", 3 << 29),
        ("4096", 4_096),
        ("512 B", 512),
        ("10 MB", 10_000_000),
        ("16k", 16 << 10),
        ("0.3 KiB", 307),
    ] {
        assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
    }
    let error = parse_bytes("64 MBit").unwrap_err().to_string();
    assert!(
        error.contains("`MBit`") && error.contains("64 MiB"),
        "{error}"
    );
    assert!(parse_bytes("99999999 TiB").is_err());
}

#[test]
fn durations() {
    for (text, ns) in [
        ("0", 0),
        ("10s", 10_000_000_000),
        ("1.5s", 1_500_000_000),
        ("250us", 250_000),
        ("250 µs", 250_000),
        ("10ms", 10_000_000),
        ("7ns", 7),
        ("2min", 120_000_000_000),
        ("1h", 3_600_000_000_000),
        ("1h 30min", 5_400_000_000_000),
        ("1m 30s", 90_000_000_000),
        ("0.5ns", 0),
    ] {
        assert_eq!(parse_duration_ns(text), Ok(ns), "{text}");
    }
    for (text, problem) in [
        ("10", "the unit is missing"),
        ("10 parsecs", "unknown time unit"),
        ("-5s", ""),
        ("", ""),
        ("soon", ""),
        ("1e30h", "too large"),
    ] {
        let error = parse_duration_ns(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
        assert!(error.contains("such as 250us"), "{error}");
    }
}

#[test]
fn people_read_three_figures() {
    assert_eq!(format_count(999), "999");
    assert_eq!(format_count(1_500_000), "1.50 M");
    assert_eq!(format_count(999_999), "1.00 M");
    assert_eq!(format_count(u64::MAX), "18.4 E");
    assert_eq!(format_rate(1e6), "1.00 M/s");
    assert_eq!(format_rate(0.5), "0.500/s");
    assert_eq!(format_bytes(512), "512 B");
    assert_eq!(format_bytes(64 << 20), "64.0 MiB");
    assert_eq!(format_duration_ns(850), "850 ns");
    assert_eq!(format_duration_ns(70_200), "70.2 µs");
    assert_eq!(format_duration_ns(999_999), "1.00 ms");
    assert_eq!(format_duration_ns(1_500_000_000), "1.50 s");
    assert_eq!(format_duration_ns(90_000_000_000), "1.50 min");
    assert_eq!(format_duration_ns(7_200_000_000_000), "2.00 h");
}

proptest! {
    #[test]
    fn exact_durations_read_back(ns in prop_oneof![any::<u64>(), (0u64..1_000_000).prop_map(|s| s * 1_000_000_000)]) {
        prop_assert_eq!(parse_duration_ns(&exact_duration(ns)), Ok(ns));
    }

    #[test]
    fn plain_numbers_read_back(n in any::<u64>()) {
        prop_assert_eq!(parse_count(&n.to_string()), Ok(n));
        prop_assert_eq!(parse_bytes(&format!("{n} B")), Ok(n));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,24}") {
        let _ = (parse_count(&text), parse_bytes(&text), parse_duration_ns(&text));
    }
}
