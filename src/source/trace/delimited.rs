//! Delimited text: CSV, TSV and their cousins, through the `csv` crate's byte records, one allocation for all of them.
use std::io;
use std::path::Path;

use super::columns::{Role, Sample};
use super::compression::Content;
use super::dead_letter::BadRecord;
use super::description::Description;
use super::error::{ErrorKind, Place, TraceError};
use super::fenced::{Fenced, PastFence};
use super::intake::{Intake, Reader};
use super::lines::RECORD_BYTES_MAX;
use super::number::parse_f64;
use super::options::{Column, Format, Header, TraceOptions};
use super::recognise;
use super::record::Record;
use super::schema::{Schema, Stop};
use super::stamp::Clock;

/// How many of the first rows are looked at.
const SAMPLE_ROWS: usize = 1000;

pub(super) struct Delimited {
    rows: csv::Reader<Fenced>,
    row: csv::ByteRecord,
    schema: Schema,
    width: usize,
    delimiter: u8,
}

impl Delimited {
    pub(super) fn open(
        path: &Path,
        options: &TraceOptions,
        content: Content,
        description: &mut Description,
    ) -> Result<Self, TraceError> {
        let delimiter = delimiter(path, options, &content, description)?;
        let builder = || {
            let mut builder = csv::ReaderBuilder::new();
            builder
                .has_headers(false)
                .flexible(true)
                .delimiter(delimiter)
                .quoting(!options.no_quotes)
                // The line feed alone, so that lines are counted as an editor does; `field` takes the `\r` off.
                .terminator(csv::Terminator::Any(b'\n'));
            builder
        };
        let mut rows = Vec::new();
        let mut row = csv::ByteRecord::new();
        let mut head = builder().from_reader(content.head.as_slice());
        while rows.len() < SAMPLE_ROWS && matches!(head.read_byte_record(&mut row), Ok(true)) {
            if !is_blank(&row) {
                rows.push(
                    (0..row.len())
                        .map(|index| field(&row, index).map(<[u8]>::to_vec))
                        .collect::<Vec<_>>(),
                );
            }
        }
        // The last row of a head that is not all may be cut off; of what has come from a pipe it may be the only one.
        let is_whole = content.live.is_some() && content.head.ends_with(b"\n");
        if rows.len() < SAMPLE_ROWS && !content.head_is_all && !is_whole {
            rows.pop();
        }
        let Some(first) = rows.first() else {
            return Err(TraceError::new(ErrorKind::Empty, path, "no rows in it")
                .at(Place::Line(1))
                .expected(format!("rows of at most {RECORD_BYTES_MAX} bytes"))
                .remedy("check the delimiter and the quotes"));
        };
        let width = first.len();
        let header = has_header(path, options, &rows)?;
        let names = if header {
            let names = rows.remove(0);
            names
                .iter()
                .flatten()
                .map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned())
                .collect()
        } else {
            (0..width).map(|index| index.to_string()).collect()
        };
        if rows.is_empty() {
            return Err(
                TraceError::new(ErrorKind::HeaderOnly, path, "a header and no record")
                    .expected("at least one record below the header")
                    .remedy(
                        "check how it was made, or say header = \"no\" if the line is a record",
                    ),
            );
        }
        description.delimiter = Some(char::from(delimiter));
        description.header = Some(header);
        rows.retain(|row| row.len() == width);
        let sample = Sample {
            names,
            named: header,
            rows,
        };
        description.columns_present = sample.names.clone();
        let schema = Schema::infer(path, options, &sample, description)?;
        let fenced = Fenced::new(content.bytes);
        let mut rows = builder().buffer_capacity(256 << 10).from_reader(fenced);
        let mut row = csv::ByteRecord::new();
        if header {
            // Was read without error as part of the head.
            while matches!(rows.read_byte_record(&mut row), Ok(true)) && is_blank(&row) {}
        }
        Ok(Delimited {
            rows,
            row,
            schema,
            width,
            delimiter,
        })
    }

    #[cold]
    fn explain(&self, stop: (Role, super::number::Misfit), place: Place) -> BadRecord {
        let (role, misfit) = stop;
        let value = self
            .schema
            .column(role)
            .and_then(|index| field(&self.row, index))
            .unwrap_or_default();
        self.schema.explain(role, misfit, value, place, self.raw())
    }

    #[cold]
    fn wrong_width(&self, place: Place) -> BadRecord {
        BadRecord {
            place,
            reason: format!("{} fields", self.row.len()),
            value: String::from_utf8_lossy(&self.raw()).into_owned(),
            expected: format!("{} fields, as in the first row", self.width),
            remedy: "correct the record; a field that holds the delimiter needs quotes".to_string(),
            raw: self.raw(),
        }
    }

    /// A row that ran to the end of the trace, where every other ends with a line feed: its quote was never closed, and
    /// it holds all rows that followed.
    #[cold]
    fn unclosed(&self) -> BadRecord {
        let raw = self.raw();
        BadRecord {
            place: Place::Line(self.line() + 1),
            reason: "a quote that is not closed, up to the end of the file".to_string(),
            value: String::from_utf8_lossy(&raw).into_owned(),
            expected: "a closing quote".to_string(),
            remedy: "correct the record, or say no_quotes = true".to_string(),
            raw,
        }
    }

    /// The line on which the row starts. The reader stands behind the line feed that ended it, which `Fenced` sees to.
    fn line(&self) -> u64 {
        let within = self
            .row
            .as_slice()
            .iter()
            .filter(|byte| **byte == b'\n')
            .count() as u64;
        (self.rows.position().line() - 1).saturating_sub(within)
    }

    /// The row as text again, quoted where it must be.
    fn raw(&self) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.delimiter)
            .flexible(true)
            .from_writer(Vec::new());
        let written =
            writer.write_record((0..self.row.len()).filter_map(|index| field(&self.row, index)));
        let mut raw = written
            .ok()
            .and_then(|()| writer.into_inner().ok())
            .unwrap_or_default();
        raw.pop();
        raw
    }
}

impl Reader for Delimited {
    fn fill(
        &mut self,
        limit: usize,
        intake: &mut Intake,
        out: &mut Vec<Record>,
    ) -> Result<bool, TraceError> {
        for _ in 0..limit {
            self.rows.get_mut().next_record();
            match self.rows.read_byte_record(&mut self.row) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(broken(error, &self.rows, intake)),
            }
            if is_blank(&self.row) {
                continue;
            }
            let place = Place::Line(self.line());
            if self.rows.get_ref().ended() {
                intake.reject(self.unclosed())?;
                continue;
            }
            if self.row.len() != self.width {
                intake.reject(self.wrong_width(place))?;
                continue;
            }
            match self
                .schema
                .parse(|_, index| field(&self.row, index), &mut intake.interner)
            {
                Ok(record) => intake.accept(record, place, out)?,
                Err(Stop::Misfit(role, misfit)) => {
                    intake.reject(self.explain((role, misfit), place))?
                }
                Err(Stop::Collision(collision)) => return Err(intake.collided(collision, place)),
            }
        }
        Ok(true)
    }
}

#[cold]
fn broken(error: csv::Error, rows: &csv::Reader<Fenced>, intake: &Intake) -> TraceError {
    let position = rows.position();
    match error.into_kind() {
        csv::ErrorKind::Io(error)
            if error.get_ref().is_some_and(|inner| inner.is::<PastFence>()) =>
        {
            TraceError::new(
                ErrorKind::Corrupt,
                &intake.file,
                "a record that does not end",
            )
            .at(Place::Line(position.line()))
            .expected(format!("records of at most {RECORD_BYTES_MAX} bytes"))
            .remedy("look for a quote that is not closed, or say no_quotes = true")
        }
        csv::ErrorKind::Io(error) => intake.broken(error, position.byte()),
        other => intake.broken(io::Error::other(format!("{other:?}")), position.byte()),
    }
}

/// A field without the `\r` of the line's end.
#[inline]
fn field(row: &csv::ByteRecord, index: usize) -> Option<&[u8]> {
    let field = row.get(index)?;
    match field {
        [start @ .., b'\r'] if index + 1 == row.len() => Some(start),
        _ => Some(field),
    }
}

/// The `csv` crate skips empty lines itself, but not those with a `\r`.
fn is_blank(row: &csv::ByteRecord) -> bool {
    row.len() == 1 && row.as_slice() == b"\r"
}

fn delimiter(
    path: &Path,
    options: &TraceOptions,
    content: &Content,
    description: &Description,
) -> Result<u8, TraceError> {
    match options.delimiter {
        Some(delimiter) => match u8::try_from(delimiter) {
            Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(byte),
            _ => Err(
                TraceError::new(ErrorKind::Option, path, "delimiter makes no sense")
                    .value(delimiter)
                    .expected("one ASCII character other than quote and line end")
                    .remedy("delimiter = \";\", for instance"),
            ),
        },
        None if description.format == Format::Tsv => Ok(b'\t'),
        None => Ok(recognise::delimiter(&content.head).unwrap_or(b',')),
    }
}

/// Whether the first row names the columns.
fn has_header(
    path: &Path,
    options: &TraceOptions,
    rows: &[Vec<Option<Vec<u8>>>],
) -> Result<bool, TraceError> {
    match options.header {
        Header::Yes => return Ok(true),
        Header::No => return Ok(false),
        Header::Auto => {}
    }
    let is_datum = |field: &Option<Vec<u8>>| {
        field
            .as_ref()
            .is_some_and(|field| parse_f64(field).is_ok() || Clock::Text.parse(field).is_ok())
    };
    let first = &rows[0];
    if first.iter().any(is_datum) {
        return Ok(false);
    }
    let named = |column: &Column| match column {
        Column::Name(name) => first
            .iter()
            .flatten()
            .any(|field| field.trim_ascii() == name.as_bytes()),
        _ => false,
    };
    let options_name_it = [
        &options.key,
        &options.item,
        &options.value,
        &options.ts,
        &options.weight,
    ]
    .into_iter()
    .any(named);
    let data_below = rows[1..].iter().any(|row| row.iter().any(is_datum));
    let usual = || {
        first
            .iter()
            .flatten()
            .any(|field| super::columns::is_usual_name(&String::from_utf8_lossy(field)))
    };
    if options_name_it || data_below || usual() {
        return Ok(true);
    }
    Err(TraceError::new(
        ErrorKind::Format,
        path,
        "it is not clear whether the first row is a header",
    )
    .at(Place::Line(1))
    .value(
        first
            .iter()
            .flatten()
            .map(|field| String::from_utf8_lossy(field))
            .collect::<Vec<_>>()
            .join(", "),
    )
    .expected("a first row of names above rows with numbers")
    .remedy("say header = \"yes\" or header = \"no\""))
}
