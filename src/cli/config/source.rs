//! `[source]`: which events come, and how a trace is read.

use super::choice::{Disorder, SourceKind};
use super::columns::{Columns, Delimiter};
use super::error::ConfigError;
use super::settings::Settings;
use super::value::{Auto, DurationNs};
use crate::source::trace::{self, TraceOptions};
use std::path::PathBuf;

/// The sample that the repository ships; the default trace.
pub const SAMPLE_TRACE: &str = "tests/data/git-activity/clicks.csv.zst";
/// The texts of the sample's items.
pub const SAMPLE_LABELS: &str = "tests/data/git-activity/items.csv.zst";

/// Name of the file of bad records, within the report's directory.
pub const BAD_RECORDS_FILE: &str = "dead-letter.jsonl";

/// `[source]`.
#[derive(Clone, Debug)]
pub struct SourceSection {
    /// Trace or load generator.
    pub kind: SourceKind,
    /// The trace file.
    pub trace: PathBuf,
    /// Texts for the item ids: a file, "auto" or "none"; see [`SourceSection::labels_file`].
    labels: String,
    /// How the trace is read, bad records and disorder included.
    pub options: TraceOptions,
    /// Read at most so many records.
    pub limit: Option<u64>,
}

impl SourceSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let trace: String = settings.get("source.trace")?;
        if trace.is_empty() {
            return Err(settings.refuse(
                "source.trace",
                "the path of a file",
                "name the trace to replay",
            ));
        }
        let limit: Option<u64> = settings.get("source.limit")?;
        if limit == Some(0) {
            let help = "\"none\" reads the whole trace";
            return Err(settings.refuse("source.limit", "a count from 1, or \"none\"", help));
        }
        Ok(SourceSection {
            kind: settings.get("source.kind")?,
            trace: trace.into(),
            labels: settings.get("source.labels")?,
            options: options(settings)?,
            limit,
        })
    }

    /// The file of texts for item ids, if there is one: as given, or found beside the trace.
    pub fn labels_file(&self) -> Option<PathBuf> {
        match self.labels.as_str() {
            "none" => None,
            "auto" => ["items.csv", "items.csv.zst", "items.csv.gz"]
                .iter()
                .map(|name| self.trace.with_file_name(name))
                .find(|path| path.is_file() && *path != self.trace),
            given => Some(given.into()),
        }
    }
}

fn options(settings: &Settings) -> Result<TraceOptions, ConfigError> {
    let columns: Columns = settings.get("source.columns")?;
    let delimiter: Auto<Delimiter> = settings.get("source.delimiter")?;
    let quotes: bool = settings.get("source.quotes")?;
    let value_scale: Option<f64> = settings.get("source.value_scale")?;
    if value_scale.is_some_and(|scale| scale <= 0.0) {
        let help = "\"none\" leaves values as they are";
        return Err(settings.refuse("source.value_scale", "a number above 0, or \"none\"", help));
    }
    let DurationNs(bound_ns) = settings.get("source.disorder_bound")?;
    let dead_letter: String = settings.get("source.dead_letter")?;
    let dead_letter = match dead_letter.as_str() {
        "auto" => PathBuf::from(settings.get::<String>("report.out")?).join(BAD_RECORDS_FILE),
        given => PathBuf::from(given),
    };
    Ok(TraceOptions {
        format: settings.get("source.format")?,
        delimiter: delimiter.given().map(|Delimiter(character)| character),
        header: settings.get("source.header")?,
        no_quotes: !quotes,
        key: columns.key,
        item: columns.item,
        value: columns.value,
        ts: columns.ts,
        weight: columns.weight,
        key_type: settings.get("source.key_type")?,
        item_type: settings.get("source.item_type")?,
        value_scale,
        time_unit: settings.get("source.time_unit")?,
        disorder: match settings.get("source.disorder")? {
            Disorder::Clamp => trace::Disorder::Clamp,
            Disorder::Sort => trace::Disorder::Sort { bound_ns },
            Disorder::Fail => trace::Disorder::Fail,
        },
        on_bad_record: settings.get("source.on_bad_record")?,
        dead_letter: Some(dead_letter),
    })
}
