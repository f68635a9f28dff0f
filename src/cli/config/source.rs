//! `[source]`, `[pace]` and `[load]`: which events come, and when each is due.

use super::choice::{Disorder, KeyType, OnBadRecord, SourceKind};
use super::error::ConfigError;
use super::settings::Settings;
use super::value::DurationNs;
use crate::source::load::{Arrivals, KeyDistribution, ValuePattern};
use crate::source::pace::Speed;
use crate::sys::rate::Rate;
use std::path::PathBuf;

/// The sample that the repository ships; the default trace.
pub const SAMPLE_TRACE: &str = "tests/data/git-activity/clicks.csv.zst";
/// The texts of the sample's items.
pub const SAMPLE_LABELS: &str = "tests/data/git-activity/items.csv.zst";

/// The longest duration that makes sense anywhere in a configuration: a year, in ns.
const YEAR_NS: u64 = 365 * 86_400 * 1_000_000_000;

/// `[source]`.
#[derive(Clone, Debug)]
pub struct SourceSection {
    /// Trace or load generator.
    pub kind: SourceKind,
    /// The trace file.
    pub trace: PathBuf,
    /// Texts for the item ids: a file, "auto" or "none"; see [`SourceSection::labels_file`].
    pub labels: String,
    /// The trace's format, or "auto".
    pub format: String,
    /// Which column is what, or "auto".
    pub columns: String,
    /// Unit of the stamps, or "auto".
    pub time_unit: String,
    /// How keys are read.
    pub key_type: KeyType,
    /// Values are multiplied by this.
    pub value_scale: f64,
    /// What happens to stamps that run backwards.
    pub disorder: Disorder,
    /// How far `sort` reaches, ns of event time.
    pub disorder_bound_ns: u64,
    /// What happens to records that cannot be read.
    pub on_bad_record: OnBadRecord,
    /// Read at most so many records.
    pub limit: Option<u64>,
}

impl SourceSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let value_scale: f64 = settings.get("source.value_scale")?;
        if value_scale <= 0.0 {
            return Err(settings.refuse(
                "source.value_scale",
                "a number above 0, such as 100 or 0.01",
                "1 leaves values as they are",
            ));
        }
        let limit: Option<u64> = settings.get("source.limit")?;
        if limit == Some(0) {
            return Err(settings.refuse(
                "source.limit",
                "a count from 1, or \"none\"",
                "\"none\" reads the whole trace",
            ));
        }
        let DurationNs(disorder_bound_ns) = settings.get("source.disorder_bound")?;
        Ok(SourceSection {
            kind: settings.get("source.kind")?,
            trace: settings.get::<String>("source.trace")?.into(),
            labels: settings.get("source.labels")?,
            format: settings.get("source.format")?,
            columns: settings.get("source.columns")?,
            time_unit: settings.get("source.time_unit")?,
            key_type: settings.get("source.key_type")?,
            value_scale,
            disorder: settings.get("source.disorder")?,
            disorder_bound_ns,
            on_bad_record: settings.get("source.on_bad_record")?,
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

/// `[pace]`.
#[derive(Clone, Debug)]
pub struct PaceSection {
    /// How many times faster than its stamps the trace is played.
    pub speed: Speed,
    /// Events a second in place of the stamps.
    pub rate: Option<Rate>,
    /// How often the trace is played.
    pub loops: u64,
    /// Longest pause between two events, ns of the trace's time.
    pub max_gap_ns: Option<u64>,
}

impl PaceSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let loops = settings.get("pace.loop")?;
        settings.within(
            "pace.loop",
            loops,
            1..=1_000_000_000,
            "1 plays the trace once",
        )?;
        let rate: Option<Rate> = settings.get("pace.rate")?;
        let max_gap_ns = settings
            .get::<Option<DurationNs>>("pace.max_gap")?
            .map(|gap| gap.0);
        if max_gap_ns == Some(0) {
            return Err(settings.refuse(
                "pace.max_gap",
                "a duration above 0, or \"none\"",
                "`pace.speed = \"max\"` replays without any pause",
            ));
        }
        Ok(PaceSection {
            speed: settings.get("pace.speed")?,
            rate,
            loops,
            max_gap_ns,
        })
    }
}

/// `[load]`.
#[derive(Clone, Debug)]
pub struct LoadSection {
    /// Distribution of keys.
    pub keys: KeyDistribution,
    /// How values are drawn.
    pub values: ValuePattern,
    /// How due times follow each other.
    pub arrivals: Arrivals,
    /// Rate offered.
    pub rate: Rate,
    /// How long load is offered, ns.
    pub duration_ns: u64,
    /// How many events are offered, in place of the duration.
    pub events: Option<u64>,
}

impl LoadSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let rate: Rate = settings.get("load.rate")?;
        let DurationNs(duration_ns) = settings.get("load.duration")?;
        if !(1..=YEAR_NS).contains(&duration_ns) {
            return Err(settings.refuse(
                "load.duration",
                "a duration above 0 and up to a year",
                "10s is enough for a p99.99 at 100k events/s",
            ));
        }
        let events: Option<u64> = settings.get("load.events")?;
        if events == Some(0) {
            return Err(settings.refuse(
                "load.events",
                "a count from 1, or \"none\"",
                "\"none\" goes by load.duration",
            ));
        }
        Ok(LoadSection {
            keys: settings.get("load.keys")?,
            values: settings.get("load.values")?,
            arrivals: settings.get("load.arrivals")?,
            rate,
            duration_ns,
            events,
        })
    }
}
