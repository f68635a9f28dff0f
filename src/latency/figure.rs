//! A figure as people read it: three digits at most, the unit that fits, "–" where nothing is known.

/// Shown where nothing is known.
pub(super) const UNKNOWN: &str = "–";

/// `340 ns`, `12.3 µs`, `4.1 ms`, `1.5 s`.
pub(super) fn duration(ns: u64) -> String {
    if ns < 1_000 {
        return format!("{ns} ns");
    }
    let (value, unit) = match ns {
        // Each ends where the next digit would round up to 1,000.
        0..999_500 => (ns as f64 / 1e3, "µs"),
        999_500..999_500_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    format!("{} {unit}", short(value))
}

/// [`duration`], or "–".
pub(super) fn duration_or_unknown(ns: Option<u64>) -> String {
    ns.map_or(UNKNOWN.to_string(), duration)
}

/// `150,000`.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `98,700/s`, `52.3 M/s`.
pub(super) fn rate(events_per_s: f64) -> String {
    if !events_per_s.is_finite() || events_per_s < 0.0 {
        UNKNOWN.to_string()
    } else if events_per_s >= 9_999_500.0 {
        format!("{} M/s", short(events_per_s / 1e6))
    } else if events_per_s >= 100.0 {
        format!("{}/s", count(events_per_s.round() as u64))
    } else {
        format!("{events_per_s:.1}/s")
    }
}

/// `512 B`, `64.0 KiB`, `1.2 GiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1_024.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    format!("{} {}", short(value), UNITS[unit])
}

/// `93 %`; small shares keep a digit.
pub(super) fn share(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        UNKNOWN.to_string()
    } else if percent >= 9.95 || percent == 0.0 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}

/// `1.04`, `12.3`, `1,234`: a measure without unit.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        UNKNOWN.to_string()
    } else if value.abs() >= 1_000.0 && value >= 0.0 {
        count(value.round() as u64)
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else if value.abs() >= 1.0 || value == 0.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

/// The user's text on one line: control characters, which would steer a terminal, become "�".
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// One digit behind the point below 100, none above.
fn short(value: f64) -> String {
    if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_the_unit_that_fits() {
        for (ns, text) in [
            (0, "0 ns"),
            (340, "340 ns"),
            (999, "999 ns"),
            (1_000, "1.0 µs"),
            (12_345, "12.3 µs"),
            (99_949, "99.9 µs"),
            (99_950, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1.0 ms"),
            (4_100_000, "4.1 ms"),
            (999_499_999, "999 ms"),
            (999_500_000, "1.0 s"),
            (3_600_000_000_000, "3600 s"),
        ] {
            assert_eq!(duration(ns), text, "{ns}");
        }
        assert_eq!(duration_or_unknown(None), "–");
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (150_000, "150,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(value), text);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn rates_bytes_shares_and_numbers() {
        assert_eq!(rate(0.0), "0.0/s");
        assert_eq!(rate(98_700.4), "98,700/s");
        assert_eq!(rate(52_345_678.0), "52.3 M/s");
        assert_eq!(rate(f64::NAN), "–");
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(65_536), "64.0 KiB");
        assert_eq!(bytes(u64::MAX), "16777216 TiB");
        assert_eq!(share(0.934), "93 %");
        assert_eq!(share(0.0123), "1.2 %");
        assert_eq!(number(0.31234), "0.3123");
        assert_eq!(number(1.044), "1.04");
        assert_eq!(number(123_456.0), "123,456");
        assert_eq!(number(f64::INFINITY), "–");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\nc"), "a\u{fffd}[31mb\u{fffd}c");
    }
}
