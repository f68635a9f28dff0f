//! Delimited text: CSV, TSV and their cousins, through the `csv` crate's byte records, one allocation for all of them.
use std::io::{self, Read};
use std::path::Path;

use super::columns::{Role, Sample};
use super::compression::Content;
use super::dead_letter::BadRecord;
use super::description::Description;
use super::error::{ErrorKind, Place, TraceError};
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
                .quoting(!options.no_quotes);
            builder
        };
        let mut rows = Vec::new();
        let mut row = csv::ByteRecord::new();
        let mut head = builder().from_reader(content.head.as_slice());
        while rows.len() < SAMPLE_ROWS && matches!(head.read_byte_record(&mut row), Ok(true)) {
            rows.push(
                row.iter()
                    .map(|field| Some(field.to_vec()))
                    .collect::<Vec<_>>(),
            );
        }
        // The last row of a head that is not all may be cut off.
        if rows.len() < SAMPLE_ROWS && !content.head_is_all {
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
        let fenced = Fenced {
            bytes: content.bytes,
            left: RECORD_BYTES_MAX,
        };
        let mut rows = builder().buffer_capacity(256 << 10).from_reader(fenced);
        let mut row = csv::ByteRecord::new();
        if header {
            // Was read without error as part of the head.
            let _ = rows.read_byte_record(&mut row);
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
            .and_then(|index| self.row.get(index))
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

    /// The row as text again, quoted where it must be.
    fn raw(&self) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.delimiter)
            .flexible(true)
            .from_writer(Vec::new());
        let written = writer.write_byte_record(&self.row);
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
            self.rows.get_mut().left = RECORD_BYTES_MAX;
            match self.rows.read_byte_record(&mut self.row) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(broken(error, &self.rows, intake)),
            }
            let place = Place::Line(self.row.position().map_or(0, csv::Position::line));
            if self.row.len() != self.width {
                intake.reject(self.wrong_width(place))?;
                continue;
            }
            match self
                .schema
                .parse(|_, index| self.row.get(index), &mut intake.interner)
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

/// A stream that refuses to give more than so many bytes to one record.
struct Fenced {
    bytes: Box<dyn Read + Send>,
    left: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("a record longer than the limit")]
struct PastFence;

impl Read for Fenced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other(PastFence));
        }
        let read = self.bytes.read(buffer)?;
        self.left = self.left.saturating_sub(read);
        Ok(read)
    }
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
