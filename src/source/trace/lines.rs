//! Lines of text from a byte stream, with a limit, and the reader of one key a line.
use std::io::{self, BufRead, BufReader, Read};

use super::columns::{Role, Sample};
use super::dead_letter::BadRecord;
use super::error::{Place, TraceError};
use super::intake::{Intake, Reader};
use super::record::Record;
use super::schema::{Schema, Stop};

/// The longest line, or quoted record, that is read. Whatever is longer is no record but, say, a quote that never
/// closes; without a limit it would take the memory of the whole file.
pub(super) const RECORD_BYTES_MAX: usize = 1 << 20;

/// Lines without their ends (`\n` or `\r\n`). Owns its buffer.
pub(super) struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    /// Of the line last read, from 1.
    pub(super) number: u64,
    /// How many bytes were read.
    pub(super) offset: u64,
}

/// What `Lines` found.
pub(super) enum Line {
    Whole,
    /// Cut at the limit; the rest was skipped.
    TooLong,
    End,
}

impl Lines {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Lines {
            input: BufReader::with_capacity(256 << 10, input),
            line: Vec::new(),
            number: 0,
            offset: 0,
        }
    }

    /// Reads the next line that is not blank; it is then in `text`.
    pub(super) fn advance(&mut self) -> io::Result<Line> {
        loop {
            self.line.clear();
            let limit = RECORD_BYTES_MAX as u64 + 1;
            let read = (&mut self.input)
                .take(limit)
                .read_until(b'\n', &mut self.line)?;
            self.offset += read as u64;
            if read == 0 {
                return Ok(Line::End);
            }
            self.number += 1;
            if self.line.len() > RECORD_BYTES_MAX && self.line.last() != Some(&b'\n') {
                self.offset += self.input.skip_until(b'\n')? as u64;
                return Ok(Line::TooLong);
            }
            if !self.text().trim_ascii().is_empty() {
                return Ok(Line::Whole);
            }
        }
    }

    /// The line last read.
    pub(super) fn text(&self) -> &[u8] {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// The line last read, which was too long, as a bad record.
    #[cold]
    pub(super) fn too_long(&self) -> BadRecord {
        let start = self.line[..self.line.len().min(120)].to_vec();
        BadRecord {
            place: Place::Line(self.number),
            reason: format!("the line is longer than {RECORD_BYTES_MAX} bytes"),
            value: String::from_utf8_lossy(&start).into_owned(),
            expected: format!("lines of at most {RECORD_BYTES_MAX} bytes"),
            remedy: "check that the lines end with a line feed".to_string(),
            raw: start,
        }
    }
}

/// The first lines, as a sample of one column.
pub(super) fn sample_lines(head: &[u8], head_is_all: bool) -> Sample {
    let rows = whole_lines(head, head_is_all)
        .map(|line| vec![Some(line.to_vec())])
        .collect();
    Sample {
        names: vec!["0".to_string()],
        named: false,
        rows,
    }
}

/// The lines of `head` that are whole and not blank; a thousand are enough to look at.
pub(super) fn whole_lines(head: &[u8], head_is_all: bool) -> impl Iterator<Item = &[u8]> {
    let end = if head_is_all {
        head.len()
    } else {
        head.iter().rposition(|byte| *byte == b'\n').unwrap_or(0)
    };
    let lines = head[..end]
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines
        .filter(|line| !line.trim_ascii().is_empty())
        .take(1000)
}

/// One key a line.
pub(super) struct KeyLines {
    lines: Lines,
    schema: Schema,
}

impl KeyLines {
    pub(super) fn new(bytes: Box<dyn Read + Send>, schema: Schema) -> Self {
        KeyLines {
            lines: Lines::new(bytes),
            schema,
        }
    }
}

impl Reader for KeyLines {
    fn fill(
        &mut self,
        limit: usize,
        intake: &mut Intake,
        out: &mut Vec<Record>,
    ) -> Result<bool, TraceError> {
        for _ in 0..limit {
            match self
                .lines
                .advance()
                .map_err(|error| intake.broken(error, self.lines.offset))?
            {
                Line::End => return Ok(false),
                Line::TooLong => intake.reject(self.lines.too_long())?,
                Line::Whole => {
                    let (text, place) = (self.lines.text(), Place::Line(self.lines.number));
                    match self.schema.parse(|_, _| Some(text), &mut intake.interner) {
                        Ok(record) => intake.accept(record, place, out)?,
                        Err(Stop::Collision(collision)) => {
                            return Err(intake.collided(collision, place));
                        }
                        Err(Stop::Misfit(_, misfit)) => {
                            intake.reject(self.schema.explain(
                                Role::Key,
                                misfit,
                                text,
                                place,
                                text.to_vec(),
                            ))?;
                        }
                    }
                }
            }
        }
        Ok(true)
    }
}
