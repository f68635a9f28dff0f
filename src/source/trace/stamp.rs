//! Stamps: numbers in a unit, declared or recognised, and dates as text, taken as UTC.
//!
//! A unit is recognised only if every first stamp, read in it, is a Unix time between 1990 and 2100. The four
//! intervals do not overlap, so at most one unit fits; where none does, the user must say.
use super::number::{Misfit, parse_ns, parse_u64};
use super::options::TimeUnit;

/// 1990-01-01 and 2100-01-01, in s.
const RECOGNISED_S: std::ops::Range<u64> = 631_152_000..4_102_444_800;

/// How stamps become ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// Numbers, in units of so many ns.
    Unit(u64),
    /// "YYYY-MM-DD", "YYYY-MM-DD HH:MM[:SS[.fraction]]" with "T" or blank and an optional zone.
    Text,
}

impl Clock {
    /// In ns.
    #[inline]
    pub(super) fn parse(self, bytes: &[u8]) -> Result<u64, Misfit> {
        match self {
            Clock::Unit(unit_ns) => parse_ns(bytes, unit_ns),
            Clock::Text => parse_text(bytes.trim_ascii()),
        }
    }
}

/// What the first stamps look like.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Looks {
    Text,
    Unit(TimeUnit),
    /// Numbers that fit no unit, or not all the same one.
    Ambiguous,
    /// Neither numbers nor dates.
    NoTime,
}

/// Looks at the first stamps; those that are neither number nor date are left for the dead letters.
pub(super) fn recognise<'a>(stamps: impl Iterator<Item = &'a [u8]>) -> Looks {
    let mut looks = Looks::NoTime;
    for stamp in stamps {
        let this = if let Ok(whole) = parse_ns(stamp, 1) {
            const UNITS: [(TimeUnit, u64); 4] = [
                (TimeUnit::S, 1),
                (TimeUnit::Ms, 1_000),
                (TimeUnit::Us, 1_000_000),
                (TimeUnit::Ns, 1_000_000_000),
            ];
            let fits = |(_, per_s): &&(TimeUnit, u64)| RECOGNISED_S.contains(&(whole / per_s));
            UNITS
                .iter()
                .find(fits)
                .map_or(Looks::Ambiguous, |(unit, _)| Looks::Unit(*unit))
        } else if parse_text(stamp.trim_ascii()).is_ok() {
            Looks::Text
        } else {
            continue;
        };
        if looks == Looks::NoTime {
            looks = this;
        } else if looks != this {
            return Looks::Ambiguous;
        }
    }
    looks
}

/// The unit that a column's own name declares, as in "ts_ms".
pub(super) fn unit_of_name(name: &str) -> Option<TimeUnit> {
    let name = name.to_ascii_lowercase();
    let (stem, suffix) = name.rsplit_once('_')?;
    if stem.is_empty() {
        return None;
    }
    match suffix {
        "s" | "sec" | "secs" | "seconds" => Some(TimeUnit::S),
        "ms" | "millis" => Some(TimeUnit::Ms),
        "us" | "micros" => Some(TimeUnit::Us),
        "ns" | "nanos" => Some(TimeUnit::Ns),
        _ => None,
    }
}

fn parse_text(bytes: &[u8]) -> Result<u64, Misfit> {
    if bytes.is_empty() {
        return Err(Misfit::Empty);
    }
    let (date, clock) = match bytes
        .iter()
        .position(|byte| matches!(byte, b'T' | b't' | b' '))
    {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &b""[..]),
    };
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = date else {
        return Err(Misfit::NotATime);
    };
    let year = digits(&[y0, y1, y2, y3])?;
    let (month, day) = (digits(&[m0, m1])?, digits(&[d0, d1])?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return Err(Misfit::NotATime);
    }
    // 2^64 ns end in the year 2554; the date is checked against that below.
    if year < 1970 {
        return Err(Misfit::OutOfRange);
    }
    let (second_of_day, fraction_ns, zone_s) = if clock.is_empty() {
        (0, 0, 0)
    } else {
        parse_clock(clock)?
    };
    let seconds = i64::try_from(days_since_1970(year, month, day) * 86_400 + second_of_day)
        .map_err(|_| Misfit::OutOfRange)?
        - zone_s;
    let seconds = u64::try_from(seconds).map_err(|_| Misfit::OutOfRange)?;
    seconds
        .checked_mul(1_000_000_000)
        .and_then(|ns| ns.checked_add(fraction_ns))
        .ok_or(Misfit::OutOfRange)
}

/// "HH:MM[:SS[.fraction]][Z|±HH[:]MM]" → seconds of the day, ns, seconds east of UTC.
fn parse_clock(bytes: &[u8]) -> Result<(u64, u64, i64), Misfit> {
    let zone_at = bytes
        .iter()
        .position(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'))
        .unwrap_or(bytes.len());
    let (time, zone) = bytes.split_at(zone_at);
    let (time, fraction_ns) = match time.trim_ascii_end().split_once_at(b'.') {
        Some((time, fraction)) => {
            let kept = &fraction[..fraction.len().min(9)];
            if !fraction.iter().all(u8::is_ascii_digit) || time.len() != 8 {
                return Err(Misfit::NotATime);
            }
            (time, digits(kept)? * 10u64.pow(9 - kept.len() as u32))
        }
        None => (time.trim_ascii_end(), 0),
    };
    let (hour, minute, second) = match *time {
        [h0, h1, b':', m0, m1] => (digits(&[h0, h1])?, digits(&[m0, m1])?, 0),
        [h0, h1, b':', m0, m1, b':', s0, s1] => {
            (digits(&[h0, h1])?, digits(&[m0, m1])?, digits(&[s0, s1])?)
        }
        _ => return Err(Misfit::NotATime),
    };
    // 60 is a leap second, and becomes the second after it.
    if hour > 23 || minute > 59 || second > 60 {
        return Err(Misfit::NotATime);
    }
    let zone_s = match *zone {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] | [sign @ (b'+' | b'-'), h0, h1, m0, m1] => {
            let (hours, minutes) = (digits(&[h0, h1])?, digits(&[m0, m1])?);
            if hours > 23 || minutes > 59 {
                return Err(Misfit::NotATime);
            }
            let east_s = (hours * 3600 + minutes * 60) as i64;
            if sign == b'-' { -east_s } else { east_s }
        }
        _ => return Err(Misfit::NotATime),
    };
    Ok((hour * 3600 + minute * 60 + second, fraction_ns, zone_s))
}

trait SplitOnceAt {
    fn split_once_at(&self, byte: u8) -> Option<(&[u8], &[u8])>;
}

impl SplitOnceAt for [u8] {
    fn split_once_at(&self, byte: u8) -> Option<(&[u8], &[u8])> {
        let at = self.iter().position(|this| *this == byte)?;
        Some((&self[..at], &self[at + 1..]))
    }
}

fn digits(bytes: &[u8]) -> Result<u64, Misfit> {
    if bytes.iter().all(u8::is_ascii_digit) {
        parse_u64(bytes).map_err(|_| Misfit::NotATime)
    } else {
        Err(Misfit::NotATime)
    }
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil, for years from 1970 on.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Result<u64, Misfit> {
        Clock::Text
            .parse(text.as_bytes())
            .map(|ns| ns / 1_000_000_000)
    }

    #[test]
    fn dates_as_text() {
        assert_eq!(seconds("1970-01-01"), Ok(0));
        assert_eq!(seconds("2006-04-07 17:08"), Ok(1_144_429_680));
        assert_eq!(seconds("2000-02-29T23:59:59Z"), Ok(951_868_799));
        assert_eq!(seconds("2020-03-01 15:44:06"), Ok(1_583_077_446));
        assert_eq!(seconds("2020-03-01T17:44:06+02:00"), Ok(1_583_077_446));
        assert_eq!(seconds("2020-03-01T13:44:06-0200"), Ok(1_583_077_446));
        assert_eq!(
            Clock::Text.parse(b"1970-01-01T00:00:01.25Z"),
            Ok(1_250_000_000)
        );
    }

    #[test]
    fn dates_that_are_none() {
        for text in [
            "2001-02-29",
            "2001-13-01",
            "2001-00-10",
            "2001-1-1",
            "20010101",
            "2001-01-01 24:00",
            "2001-01-01 1:2",
        ] {
            assert_eq!(seconds(text), Err(Misfit::NotATime), "{text}");
        }
        assert_eq!(seconds("1969-12-31"), Err(Misfit::OutOfRange));
        assert_eq!(
            seconds("1970-01-01T00:00:00+01:00"),
            Err(Misfit::OutOfRange)
        );
        assert_eq!(seconds("9999-01-01"), Err(Misfit::OutOfRange));
    }

    #[test]
    fn units_by_magnitude() {
        let looks = |stamps: &[&str]| recognise(stamps.iter().map(|stamp| stamp.as_bytes()));
        assert_eq!(
            looks(&["1112911993", "1787416432"]),
            Looks::Unit(TimeUnit::S)
        );
        assert_eq!(looks(&["1396437466.94"]), Looks::Unit(TimeUnit::S));
        assert_eq!(looks(&["807256800"]), Looks::Unit(TimeUnit::S));
        assert_eq!(looks(&["1685303557000"]), Looks::Unit(TimeUnit::Ms));
        assert_eq!(looks(&["1685303557000000"]), Looks::Unit(TimeUnit::Us));
        assert_eq!(looks(&["1723161253937085768"]), Looks::Unit(TimeUnit::Ns));
        assert_eq!(looks(&["5633898"]), Looks::Ambiguous);
        assert_eq!(looks(&["1112911993", "1685303557000"]), Looks::Ambiguous);
        assert_eq!(looks(&["2020-01-01", "1112911993"]), Looks::Ambiguous);
        assert_eq!(looks(&["bad", "2020-01-01"]), Looks::Text);
        assert_eq!(looks(&["a", ""]), Looks::NoTime);
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = 0;
        for year in 1970..2500 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days_since_1970(year, month, day), expected);
                    expected += 1;
                }
            }
        }
    }
}
