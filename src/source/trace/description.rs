//! What a trace was taken for: printed before a run, so that a wrong guess is seen.
use std::fmt;

use serde::Serialize;

use super::compression::Compression;
use super::options::Format;

/// A column that plays a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappedColumn {
    /// "key", "item", "value", "ts" or "weight".
    pub part: &'static str,
    /// Its name, or its index where there is no header.
    pub column: String,
    /// Its place, from 0.
    pub index: usize,
    /// "u64", "text", "i64", "time" or "f32".
    pub holds: &'static str,
    /// Whether it was guessed from its name.
    pub guessed: bool,
}

/// How the time unit is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitOrigin {
    /// The user said it.
    Declared,
    /// From the magnitude, or the form, of the first stamps.
    Recognised,
    /// From the column's name, as in "ts_ms".
    ColumnName,
    /// The format fixes it.
    Format,
}

/// What a trace was taken for.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// The file, as it was named.
    pub file: String,
    /// The format.
    pub format: Format,
    /// What it is compressed with.
    pub compression: Compression,
    /// Of delimited text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Of delimited text: whether the first row names the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The columns that are used.
    pub columns: Vec<MappedColumn>,
    /// The names of all columns there are.
    pub columns_present: Vec<String>,
    /// Whether keys are hashes of texts.
    pub key_is_text: bool,
    /// Whether items are hashes of texts.
    pub item_is_text: bool,
    /// Whether records have an item of their own.
    pub has_item: bool,
    /// Whether records have a value of their own.
    pub has_value: bool,
    /// Whether records have a stamp; where not, every `ts_ns` is 0.
    pub has_time: bool,
    /// Whether records have a weight of their own.
    pub has_weight: bool,
    /// "s", "ms", "us", "ns" or "date".
    pub time_unit: Option<String>,
    /// How it is known.
    pub time_unit_origin: Option<UnitOrigin>,
    /// The first stamp, where known before reading, in ns.
    pub first_ts_ns: Option<u64>,
    /// The last stamp, where known before reading, in ns.
    pub last_ts_ns: Option<u64>,
    /// How many records there are, where known before reading.
    pub records: Option<u64>,
    /// What a reader should know beside.
    pub notes: Vec<String>,
}

impl Description {
    pub(super) fn new(file: &std::path::Path, format: Format, compression: Compression) -> Self {
        Description {
            file: file.display().to_string(),
            format,
            compression,
            delimiter: None,
            header: None,
            columns: Vec::new(),
            columns_present: Vec::new(),
            key_is_text: false,
            item_is_text: false,
            has_item: false,
            has_value: false,
            has_time: false,
            has_weight: false,
            time_unit: None,
            time_unit_origin: None,
            first_ts_ns: None,
            last_ts_ns: None,
            records: None,
            notes: Vec::new(),
        }
    }
}

impl fmt::Display for Description {
    /// One line, and one more for each note.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.format)?;
        if self.compression != Compression::None {
            write!(f, " in {}", self.compression.name())?;
        }
        if let Some(records) = self.records {
            write!(f, ", {records} records")?;
        }
        for column in &self.columns {
            let guessed = if column.guessed { ", guessed" } else { "" };
            write!(
                f,
                "; {} = {:?} ({}{guessed})",
                column.part, column.column, column.holds
            )?;
        }
        match (&self.time_unit, self.time_unit_origin) {
            (Some(unit), Some(origin)) => {
                let origin = match origin {
                    UnitOrigin::Declared => "as declared",
                    UnitOrigin::Recognised => "recognised",
                    UnitOrigin::ColumnName => "by the column's name",
                    UnitOrigin::Format => "by the format",
                };
                write!(f, "; time in {unit} ({origin})")?;
            }
            _ => write!(f, "; no stamps")?,
        }
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        Ok(())
    }
}
