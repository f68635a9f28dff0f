//! The traces of the ARC paper: "start count ignore seq" a line, which stands for `count` blocks from `start` on.
//!
//! Megiddo & Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003.
use std::io::Read;

use super::dead_letter::BadRecord;
use super::error::{Place, TraceError};
use super::intake::{Intake, Reader};
use super::lines::{Line, Lines};
use super::number::{Misfit, parse_u64};
use super::record::Record;

/// No request is longer: the longest of the published traces has a few thousand blocks, and a slip of the pen should
/// not make a trillion records.
const COUNT_MAX: u64 = 1 << 24;

pub(super) struct ArcLis {
    lines: Lines,
    next: u64,
    left: u64,
}

impl ArcLis {
    pub(super) fn new(bytes: Box<dyn Read + Send>) -> Self {
        ArcLis {
            lines: Lines::new(bytes),
            next: 0,
            left: 0,
        }
    }
}

impl Reader for ArcLis {
    fn fill(
        &mut self,
        limit: usize,
        intake: &mut Intake,
        out: &mut Vec<Record>,
    ) -> Result<bool, TraceError> {
        for _ in 0..limit {
            if self.left == 0 {
                match self
                    .lines
                    .advance()
                    .map_err(|error| intake.broken(error, self.lines.offset))?
                {
                    Line::End => return Ok(false),
                    Line::TooLong => {
                        intake.reject(self.lines.too_long())?;
                        continue;
                    }
                    Line::Whole => match parse(self.lines.text()) {
                        Ok((start, count)) => (self.next, self.left) = (start, count),
                        Err(reason) => {
                            intake.reject(bad(reason, self.lines.text(), self.lines.number))?;
                            continue;
                        }
                    },
                }
            }
            let record = Record {
                key: self.next,
                ..Record::default()
            };
            // Cannot wrap before the last of them: `parse` has checked start + count.
            self.next = self.next.wrapping_add(1);
            self.left -= 1;
            intake.accept(record, Place::Line(self.lines.number), out)?;
        }
        Ok(true)
    }
}

/// start, count
fn parse(line: &[u8]) -> Result<(u64, u64), &'static str> {
    let mut fields = line
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty());
    let mut next = || match fields.next().map(parse_u64) {
        None => Err("fewer than four numbers"),
        Some(Ok(number)) => Ok(number),
        Some(Err(Misfit::OutOfRange | Misfit::Negative)) => Err("a number out of range"),
        Some(Err(_)) => Err("text where a number belongs"),
    };
    let (start, count, _, _) = (next()?, next()?, next()?, next()?);
    if fields.next().is_some() {
        return Err("more than four numbers");
    }
    if count == 0 || count > COUNT_MAX || start.checked_add(count - 1).is_none() {
        return Err("a count out of range");
    }
    Ok((start, count))
}

#[cold]
fn bad(reason: &str, line: &[u8], number: u64) -> BadRecord {
    BadRecord {
        place: Place::Line(number),
        reason: reason.to_string(),
        value: String::from_utf8_lossy(line).into_owned(),
        expected: format!(
            "\"start count ignore seq\": four whole numbers, count from 1 to {COUNT_MAX}"
        ),
        remedy: "correct the line, or declare another format".to_string(),
        raw: line.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_numbers_and_no_other() {
        assert_eq!(parse(b"230027 8 0 0"), Ok((230_027, 8)));
        assert_eq!(parse(b"18446744073709551615 1 0 0"), Ok((u64::MAX, 1)));
        for line in [
            "1 2 3",
            "1 2 3 4 5",
            "a 1 0 0",
            "1 0 0 0",
            "1 99999999999 0 0",
            "18446744073709551615 2 0 0",
            "-1 1 0 0",
        ] {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}
