//! The three formats: words of a row in, bytes of a file out.
//!
//! ```text
//!   CSV         key,count,sum          a header line; RFC 4180 quotes; a list is as many columns as it may
//!               "a, b",2,-7            have items (`items_1`, `items_2`, …), those it has not left empty
//!   JSON lines  {"key":"a, b","count":2,"sum":-7}      a list is an array; an f32 that is no number is null
//!   native      see native.rs
//! ```
//!
//! A key or an item is its text where it has one, else its number. Bytes that are not UTF-8 stay as they are in
//! CSV and become U+FFFD in JSON, which cannot hold them.

use super::lexicon::Lexicon;
use super::native::NativeFile;
use crate::sink::rows::{Column, KeyTexts, Kind};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use std::io::{self, Write};
use std::sync::Arc;

/// Handed on to the file at a time, bytes: what the file buffers, so that nothing is buffered twice.
const CSV_BUFFER_BYTES: usize = 256 << 10;

/// A format of files of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// An object a line.
    Jsonl,
    /// Millstream's own, fields of 8 bytes, checksummed; see [`super::read_native`].
    Native,
}

/// Where the bytes of a file go.
pub(super) trait Output: Write {
    /// Writes over the start of the file, if it has not been handed on.
    fn overwrite_start(&mut self, bytes: &[u8]) -> io::Result<()>;
}

enum Form<W: Output> {
    Csv(Box<csv::Writer<W>>),
    Jsonl(W),
    Native(Box<NativeFile<W>>),
}

/// Turns rows into bytes of one file.
pub(super) struct Encoder<W: Output> {
    form: Form<W>,
    columns: &'static [Column],
    lexicon: Lexicon,
    number: Vec<u8>,
}

impl<W: Output> Encoder<W> {
    /// For a file that starts here.
    pub(super) fn new(
        file: W,
        format: FileFormat,
        columns: &'static [Column],
        texts: Arc<dyn KeyTexts>,
    ) -> io::Result<Self> {
        let mut encoder = Encoder::resumed(file, format, columns, texts)?;
        if let Form::Csv(csv) = &mut encoder.form {
            csv.write_record(header(columns)).map_err(plain)?;
        }
        Ok(encoder)
    }

    /// For a file that has rows already; a native one starts all the same.
    pub(super) fn resumed(
        file: W,
        format: FileFormat,
        columns: &'static [Column],
        texts: Arc<dyn KeyTexts>,
    ) -> io::Result<Self> {
        let form = match format {
            FileFormat::Csv => {
                let mut csv = csv::WriterBuilder::new();
                let csv = csv.buffer_capacity(CSV_BUFFER_BYTES).from_writer(file);
                Form::Csv(Box::new(csv))
            }
            FileFormat::Jsonl => Form::Jsonl(file),
            FileFormat::Native => Form::Native(Box::new(NativeFile::start(file, columns)?)),
        };
        let lexicon = Lexicon::new(texts);
        Ok(Encoder {
            form,
            columns,
            lexicon,
            number: Vec::new(),
        })
    }

    /// Hands on the bytes of all rows, and shows where they went.
    pub(super) fn flush(&mut self) -> io::Result<&W> {
        match &mut self.form {
            Form::Csv(csv) => {
                csv.flush()?;
                Ok(csv.get_ref())
            }
            Form::Jsonl(file) => Ok(file),
            Form::Native(native) => Ok(native.output()),
        }
    }

    /// Writes one row, laid out as its columns say.
    pub(super) fn row(&mut self, words: &[u64]) -> io::Result<()> {
        match &mut self.form {
            Form::Csv(csv) => {
                for (kind, words) in fields(self.columns, words) {
                    csv_field(csv, kind, words, &mut self.lexicon, &mut self.number)?;
                }
                csv.write_record(None::<&[u8]>).map_err(plain)
            }
            Form::Jsonl(file) => {
                let mut json = serde_json::Serializer::new(&mut *file);
                let mut object = json.serialize_map(None)?;
                for (column, (kind, words)) in self.columns.iter().zip(fields(self.columns, words))
                {
                    json_entry(&mut object, column.name, kind, words, &mut self.lexicon)?;
                }
                object.end()?;
                file.write_all(b"\n")
            }
            Form::Native(native) => native.row(words),
        }
    }

    /// Ends the file after `rows` rows.
    pub(super) fn end(self, rows: u64) -> io::Result<W> {
        match self.form {
            Form::Csv(mut csv) => {
                csv.flush()?;
                csv.into_inner()
                    .map_err(|failed| io::Error::other(failed.to_string()))
            }
            Form::Jsonl(file) => Ok(file),
            Form::Native(native) => native.end(rows, self.lexicon.texts()),
        }
    }
}

/// The system's error inside: converted as a whole, a full disk would only be `Other`.
fn plain(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

fn header(columns: &[Column]) -> Vec<String> {
    let mut names = Vec::new();
    for Column { name, kind } in columns {
        match kind {
            Kind::Items(max) => names.extend((1..=*max).map(|place| format!("{name}_{place}"))),
            _ => names.push((*name).to_owned()),
        }
    }
    names
}

/// The words of each field.
fn fields<'a>(
    columns: &'a [Column],
    mut words: &'a [u64],
) -> impl Iterator<Item = (Kind, &'a [u64])> {
    columns.iter().map(move |column| {
        let (field, rest) = words.split_at(column.kind.words());
        words = rest;
        (column.kind, field)
    })
}

/// The items of a list field.
fn items(words: &[u64]) -> &[u64] {
    let (count, items) = (words[0], &words[1..]);
    &items[..items.len().min(count as usize)]
}

fn csv_field<W: Write>(
    csv: &mut csv::Writer<W>,
    kind: Kind,
    words: &[u64],
    lexicon: &mut Lexicon,
    number: &mut Vec<u8>,
) -> io::Result<()> {
    let word = words[0];
    number.clear();
    match kind {
        Kind::Key | Kind::Item => {
            if let Some(text) = lexicon.get(word) {
                return csv.write_field(text).map_err(plain);
            }
            write!(number, "{word}")?;
        }
        Kind::U64 | Kind::TimeNs => write!(number, "{word}")?,
        Kind::I64 => write!(number, "{}", word as i64)?,
        Kind::F32 => write!(number, "{}", f32::from_bits(word as u32))?,
        Kind::Items(max) => {
            for item in items(words) {
                csv_field(csv, Kind::Item, &[*item], lexicon, number)?;
            }
            for _ in items(words).len()..max as usize {
                csv.write_field(b"").map_err(plain)?;
            }
            return Ok(());
        }
    }
    csv.write_field(&number[..]).map_err(plain)
}

fn json_entry<M: SerializeMap>(
    object: &mut M,
    name: &str,
    kind: Kind,
    words: &[u64],
    lexicon: &mut Lexicon,
) -> Result<(), M::Error> {
    let word = words[0];
    match kind {
        Kind::Key | Kind::Item => object.serialize_entry(name, &named(word, lexicon)),
        Kind::U64 | Kind::TimeNs => object.serialize_entry(name, &word),
        Kind::I64 => object.serialize_entry(name, &(word as i64)),
        Kind::F32 => object.serialize_entry(name, &f32::from_bits(word as u32)),
        Kind::Items(_) => {
            let items: Vec<Named> = items(words)
                .iter()
                .map(|item| named(*item, lexicon))
                .collect();
            object.serialize_entry(name, &items)
        }
    }
}

/// A key as JSON shows it.
#[derive(Serialize)]
#[serde(untagged)]
enum Named {
    Text(String),
    Number(u64),
}

fn named(key: u64, lexicon: &mut Lexicon) -> Named {
    match lexicon.get(key) {
        Some(text) => Named::Text(String::from_utf8_lossy(text).into_owned()),
        None => Named::Number(key),
    }
}
