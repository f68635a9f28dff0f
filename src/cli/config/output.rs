//! `[sink]` and `[report]`: what a run leaves behind.

use super::choice::SinkKind;
use super::error::ConfigError;
use super::settings::Settings;
use super::value::DurationNs;
use crate::cli::goal::Goals;
use std::path::PathBuf;

/// Shorter intervals would be mostly bookkeeping.
const INTERVAL_MIN_NS: u64 = 1_000_000;
/// Longer ones no run has.
const INTERVAL_MAX_NS: u64 = 86_400 * 1_000_000_000;

/// `[sink]`.
#[derive(Clone, Debug)]
pub struct SinkSection {
    /// Where results go.
    pub kind: SinkKind,
    /// The file, or "auto"; see [`SinkSection::path`].
    pub file: String,
}

impl SinkSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        Ok(SinkSection {
            kind: settings.get("sink.kind")?,
            file: settings.get("sink.file")?,
        })
    }

    /// The file that results are written to, if the sink writes one.
    pub fn path(&self, report: &ReportSection) -> Option<PathBuf> {
        let name = match self.kind {
            SinkKind::Discard => return None,
            SinkKind::Csv => "results.csv",
            SinkKind::Jsonl => "results.jsonl",
            SinkKind::Native => "results.mill",
        };
        Some(if self.file == "auto" {
            report.out.join(name)
        } else {
            PathBuf::from(&self.file)
        })
    }
}

/// `[report]`.
#[derive(Clone, Debug)]
pub struct ReportSection {
    /// Directory of the report.
    pub out: PathBuf,
    /// Width of one interval of the timeline, ns.
    pub interval_ns: u64,
    /// Goals on latency.
    pub goal: Option<Goals>,
}

impl ReportSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let out: String = settings.get("report.out")?;
        if out.is_empty() {
            return Err(settings.refuse(
                "report.out",
                "the path of a directory",
                "\"millstream-run\" is the default",
            ));
        }
        let DurationNs(interval_ns) = settings.get("report.interval")?;
        if !(INTERVAL_MIN_NS..=INTERVAL_MAX_NS).contains(&interval_ns) {
            return Err(settings.refuse(
                "report.interval",
                "a duration from 1ms to 1d",
                "1s is the default",
            ));
        }
        Ok(ReportSection {
            out: out.into(),
            interval_ns,
            goal: settings.get("report.goal")?,
        })
    }
}
