//! Any trace into a native, CSV or JSON-lines one, texts kept, whole or not at all.
use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use super::compression::Compression;
use super::description::Description;
use super::error::{ErrorKind, TraceError};
use super::intake::Counts;
use super::native::{ClickRecord, Contents, KeyedRecord, Layout, NativeRecord, Writer};
use super::open::{Progress, Trace, open};
use super::options::TraceOptions;
use super::record::Record;
use super::whole_file::WholeFile;

/// What to convert into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A `.mill` file; `None` takes clicks if the trace has items, else keyed.
    Native(Option<Layout>),
    /// With a header of the parts that the trace has; stamps as `ts_ns`.
    Csv,
    /// One object a line, with the same names.
    JsonLines,
}

impl Target {
    /// By the extension of the output.
    ///
    /// # Errors
    /// An extension that names no target, or a compressed one.
    pub fn of_path(path: &Path) -> Result<Self, TraceError> {
        let extension = path
            .extension()
            .map(|extension| extension.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        match extension.as_str() {
            "mill" => Ok(Target::Native(None)),
            "csv" => Ok(Target::Csv),
            "jsonl" | "ndjson" => Ok(Target::JsonLines),
            _ => {
                let remedy = match Compression::of_extension(&extension) {
                    Some(compression) => format!(
                        "write it plain, then compress it with {}",
                        compression.name()
                    ),
                    None => "name the output so, or name the target".to_string(),
                };
                Err(TraceError::new(
                    ErrorKind::Option,
                    path,
                    "the extension names no format to write",
                )
                .value(extension)
                .expected(".mill, .csv or .jsonl")
                .remedy(remedy))
            }
        }
    }
}

/// What a conversion did.
#[derive(Clone, Debug, Serialize)]
pub struct Converted {
    /// Where the records went.
    pub counts: Counts,
    /// How many texts went along.
    pub texts: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Parts of the trace that the target has no place for ("value", "item", "weight").
    pub left_behind: Vec<&'static str>,
    /// What the trace was taken for.
    pub description: Description,
}

/// Converts the trace at `from` into a file at `to`; `progress` is called once a block.
///
/// # Errors
/// Those of reading the trace and of writing the file, which then does not appear.
pub fn convert(
    from: &Path,
    options: &TraceOptions,
    to: &Path,
    target: Target,
    progress: &mut dyn FnMut(Progress),
) -> Result<Converted, TraceError> {
    let mut trace = open(from, options)?;
    let description = trace.describe().clone();
    let Description {
        has_item,
        has_value,
        has_weight,
        ..
    } = description;
    let (bytes, unplaced) = match target {
        Target::Csv => (csv(&mut trace, to, progress)?, vec![]),
        Target::JsonLines => (json_lines(&mut trace, to, progress)?, vec![]),
        Target::Native(layout) => match layout.unwrap_or(if has_item {
            Layout::Clicks
        } else {
            Layout::Keyed
        }) {
            Layout::Keyed => (
                native::<KeyedRecord>(&mut trace, to, progress)?,
                vec![(has_item, "item"), (has_weight, "weight")],
            ),
            Layout::Clicks => (
                native::<ClickRecord>(&mut trace, to, progress)?,
                vec![(has_value, "value")],
            ),
        },
    };
    let left_behind = unplaced
        .into_iter()
        .filter(|(has, _)| *has)
        .map(|(_, part)| part)
        .collect();
    let texts = trace.texts().len() as u64;
    Ok(Converted {
        counts: trace.counts(),
        texts,
        bytes,
        left_behind,
        description,
    })
}

fn native<T: NativeRecord>(
    trace: &mut Trace,
    to: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<u64, TraceError> {
    let description = trace.describe();
    let contents = Contents {
        has_time: description.has_time,
        has_value: description.has_value,
        has_weight: description.has_weight,
        key_is_text: description.key_is_text,
        item_is_text: description.item_is_text,
    };
    let mut writer = Writer::<T>::create(to, contents)?;
    let mut block = Vec::new();
    while trace.next_block(&mut block)? {
        writer.push(&block)?;
        progress(trace.progress());
    }
    writer.finish(Some(&trace.texts()))
}

fn csv(
    trace: &mut Trace,
    to: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<u64, TraceError> {
    let failed = |error: csv::Error| TraceError::io(to, "write", error.into());
    let parts = Parts::of(trace.describe());
    let texts = trace.texts();
    let mut rows = csv::Writer::from_writer(WholeFile::create(to)?);
    rows.write_record(parts.names()).map_err(failed)?;
    let (mut block, mut number) = (Vec::new(), String::new());
    while trace.next_block(&mut block)? {
        for record in &block {
            for part in &parts.present {
                number.clear();
                // Writing into a String cannot fail.
                let _ = match part.field(record) {
                    Field::Name(key, true) => {
                        if let Some(text) = texts.get(key) {
                            rows.write_field(text.bytes()).map_err(failed)?;
                            continue;
                        }
                        write!(number, "{key}")
                    }
                    Field::Name(key, false) => write!(number, "{key}"),
                    Field::Whole(value) => write!(number, "{value}"),
                    Field::Real(value) => write!(number, "{value}"),
                };
                rows.write_field(&number).map_err(failed)?;
            }
            rows.write_record(None::<&[u8]>).map_err(failed)?;
        }
        progress(trace.progress());
    }
    let file = rows
        .into_inner()
        .map_err(|error| TraceError::io(to, "write", error.into_error()))?;
    file.publish()
}

fn json_lines(
    trace: &mut Trace,
    to: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<u64, TraceError> {
    let parts = Parts::of(trace.describe());
    let texts = trace.texts();
    let mut file = WholeFile::create(to)?;
    let (mut block, mut line) = (Vec::new(), String::new());
    while trace.next_block(&mut block)? {
        for record in &block {
            line.clear();
            for (part, name) in parts.present.iter().zip(parts.names()) {
                // Writing into a String cannot fail.
                let _ = write!(
                    line,
                    "{}\"{name}\":",
                    if line.is_empty() { '{' } else { ',' }
                );
                let _ = match part.field(record) {
                    Field::Name(key, true) => match texts.get(key) {
                        Some(text) => write!(line, "{}", serde_json::Value::from(text.as_str())),
                        None => write!(line, "{key}"),
                    },
                    Field::Name(key, false) => write!(line, "{key}"),
                    Field::Whole(value) => write!(line, "{value}"),
                    Field::Real(value) => write!(line, "{value}"),
                };
            }
            line.push_str("}\n");
            file.write(line.as_bytes())?;
        }
        progress(trace.progress());
    }
    file.publish()
}

/// The parts of a record that a trace has, in the order in which they are written.
struct Parts {
    present: Vec<Part>,
}

#[derive(Clone, Copy)]
enum Part {
    Key { is_text: bool },
    Item { is_text: bool },
    Value,
    Stamp,
    Weight,
}

/// What a part holds: a number or the key of a text, a whole number, a real one.
enum Field {
    Name(u64, bool),
    Whole(i128),
    Real(f32),
}

impl Parts {
    fn of(description: &Description) -> Self {
        let Description {
            key_is_text,
            item_is_text,
            has_item,
            has_value,
            has_time,
            has_weight,
            ..
        } = *description;
        let all = [
            (
                true,
                Part::Key {
                    is_text: key_is_text,
                },
            ),
            (
                has_item,
                Part::Item {
                    is_text: item_is_text,
                },
            ),
            (has_value, Part::Value),
            (has_time, Part::Stamp),
            (has_weight, Part::Weight),
        ];
        Parts {
            present: all
                .into_iter()
                .filter(|(has, _)| *has)
                .map(|(_, part)| part)
                .collect(),
        }
    }

    /// Names that a reader recognises; that of the stamp declares its unit.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.present.iter().map(|part| match part {
            Part::Key { .. } => "key",
            Part::Item { .. } => "item",
            Part::Value => "value",
            Part::Stamp => "ts_ns",
            Part::Weight => "weight",
        })
    }
}

impl Part {
    fn field(self, record: &Record) -> Field {
        match self {
            Part::Key { is_text } => Field::Name(record.key, is_text),
            Part::Item { is_text } => Field::Name(record.item, is_text),
            Part::Value => Field::Whole(record.value.into()),
            Part::Stamp => Field::Whole(record.ts_ns.into()),
            Part::Weight => Field::Real(record.weight),
        }
    }
}
