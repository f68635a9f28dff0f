//! What was set aside, played again: a trace is made of it and replayed as the run that set it aside was.

use super::args::GlobalArgs;
use super::config::{Config, ConfigError, Origin, Settings};
use super::error::{CliError, Exit, note};
use super::run::execute;
use crate::failure::{BadRecordLetter, EventLetter};
use crate::source::trace::native::{
    ClickRecord, Contents, KeyedRecord, Layout, NativeRecord, Writer,
};
use crate::source::trace::{self, Description, Format};
use std::path::{Path, PathBuf};

const REPLAY: Origin = Origin::Command("dead-letter replay");
/// Name of the trace, beside the letters, and of the directory of the report.
const TRACE: &str = "dead-letter-replay";
const REPORT: &str = "dead-letter-replayed";

/// Where letters come from, and what is to be done with their trace.
pub(super) struct Played<'a> {
    /// Directory of the letters.
    pub(super) home: &'a Path,
    /// Configuration of the run that wrote them.
    pub(super) config: Option<&'a PathBuf>,
    /// Where the trace is written, if it is not to be run.
    pub(super) to: Option<&'a Path>,
    pub(super) quiet: bool,
}

impl Played<'_> {
    /// The events that failed in the first keyed stage.
    pub(super) fn events(
        &self,
        events: &[EventLetter],
        global: &GlobalArgs,
    ) -> Result<Exit, CliError> {
        let (first, later): (Vec<_>, Vec<_>) =
            events.iter().partition(|event| event.stage_index == 1);
        if !later.is_empty() {
            note(&format!(
                "warning: left out: {} events of later stages, which the stages before them made",
                later.len()
            ));
        }
        let keyed = records::<KeyedRecord>(&first);
        let clicks = records::<ClickRecord>(&first);
        let unknown = first.len() - keyed.len() - clicks.len();
        if unknown > 0 {
            note(&format!(
                "warning: left out: {unknown} events that are no records of traces"
            ));
        }
        let path = self.path("mill");
        match (keyed.is_empty(), clicks.is_empty()) {
            (true, true) => {
                return Err(CliError::failed("there is no event to replay")
                    .at(self.home.display().to_string())
                    .expected("failed events of the first keyed stage, from a trace or a load")
                    .help("--records replays bad records; `millstream dead-letter ls` lists all letters"));
            }
            (false, false) => {
                return Err(CliError::failed(
                    "the letters are of two kinds of record, keyed and clicks",
                )
                .at(self.home.display().to_string())
                .expected("letters of one application")
                .help("keep the letters of different runs in different directories"));
            }
            (false, true) => write(&path, keyed, |record| record.ts_ns)?,
            (true, false) => write(&path, clicks, |record| record.ts_ns)?,
        }
        let count = first.len() - unknown;
        self.play(&path, count, &[("source.format", "native".into())], global)
    }

    /// The records that no reader understood.
    pub(super) fn records(
        &self,
        records: &[BadRecordLetter],
        global: &GlobalArgs,
    ) -> Result<Exit, CliError> {
        let Some(first) = records.first() else {
            return Err(CliError::failed("there is no bad record to replay")
                .at(self.home.display().to_string())
                .help("`millstream dead-letter ls` lists all letters"));
        };
        if records.iter().any(|record| record.file != first.file) {
            return Err(CliError::failed("the records are from several traces")
                .at(self.home.display().to_string())
                .expected("records of one trace")
                .help("`millstream dead-letter ls --json` gives their text"));
        }
        if records.iter().any(|record| record.line.is_none()) {
            return Err(CliError::failed("the records are not text")
                .at(first.file.clone())
                .expected("records of CSV, TSV or JSON lines")
                .help("`millstream dead-letter ls --json` gives their bytes"));
        }
        // As the trace was read when they were set aside: what its good records told of it.
        let settings = self.settings(&[], global)?;
        let config = Config::read(settings)?;
        let trace = trace::open(&first.file, &config.source.options)?;
        let found = trace.describe().clone();
        drop(trace);
        let mut text = String::new();
        if let (Some(true), Some(delimiter)) = (found.header, found.delimiter) {
            text += &header(&found.columns_present, delimiter);
        }
        for record in records {
            text += record.raw.trim_end_matches(['\r', '\n']);
            text.push('\n');
        }
        let path = self.path(if found.format == Format::JsonLines {
            "jsonl"
        } else {
            "csv"
        });
        std::fs::write(&path, text).map_err(|error| {
            CliError::failed(format!("cannot write {}: {error}", path.display()))
                .help("name a file that can be written with --write-only")
        })?;
        self.play(&path, records.len(), &as_found(&found), global)
    }

    fn path(&self, extension: &str) -> PathBuf {
        let beside = || self.home.join(TRACE).with_extension(extension);
        self.to.map_or_else(beside, Path::to_path_buf)
    }

    /// Runs the trace at `path`, unless it was only to be written. `more`: what is known of it, where the
    /// configuration leaves it open.
    fn play(
        &self,
        path: &Path,
        records: usize,
        more: &[(&'static str, String)],
        global: &GlobalArgs,
    ) -> Result<Exit, CliError> {
        if !self.quiet {
            note(&format!("{}: {records} records", path.display()));
        }
        if self.to.is_some() {
            return Ok(Exit::Ok);
        }
        let mut given = vec![
            ("source.kind", "trace".to_owned()),
            ("source.trace", path.display().to_string()),
            ("source.limit", "none".to_owned()),
            // Nothing of the first run is written over: every file lies in the new report directory.
            ("source.dead_letter", "auto".to_owned()),
            ("sink.file", "auto".to_owned()),
            ("state.dir", "auto".to_owned()),
            ("failure.dead_letter", "auto".to_owned()),
            ("failure.dir", "auto".to_owned()),
            ("failure.inject", "none".to_owned()),
            // The run is a small one of its own: neither does it go on from another nor write beside it.
            ("checkpoint.dir", "none".to_owned()),
            ("checkpoint.restore", "none".to_owned()),
            ("report.out", self.home.join(REPORT).display().to_string()),
        ];
        given.extend_from_slice(more);
        let config = Config::read(self.settings(&given, global)?)?;
        execute(&config, global)
    }

    /// The configuration of the run, with `given` and then the command line over it.
    fn settings(
        &self,
        given: &[(&'static str, String)],
        global: &GlobalArgs,
    ) -> Result<Settings, CliError> {
        let mut settings = Settings::default();
        if let Some(path) = self.config {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
                file: name.clone(),
                what: error.to_string(),
            })?;
            settings.lay_file(&name, &text)?;
        }
        for (key, value) in given {
            settings.lay_text(key, value, REPLAY)?;
        }
        for assignment in &global.overrides {
            settings.lay_override(assignment)?;
        }
        for flag in global.settings() {
            settings.lay_text(flag.key, &flag.text, Origin::Flag(flag.flag))?;
        }
        Ok(settings)
    }
}

/// The events whose letters hold a record of this kind.
fn records<R: NativeRecord>(events: &[&EventLetter]) -> Vec<R> {
    let of_kind = events
        .iter()
        .filter(|event| event.layout.as_deref() == Some(R::LAYOUT.name()));
    let bytes = of_kind.filter_map(|event| event.raw());
    bytes
        .filter_map(|bytes| bytemuck::try_pod_read_unaligned(&bytes).ok())
        .collect()
}

fn write<R: NativeRecord>(
    path: &Path,
    mut records: Vec<R>,
    ts_ns: impl Fn(&R) -> u64,
) -> Result<(), CliError> {
    // Stable: records of one moment stay in the order in which they failed.
    records.sort_by_key(ts_ns);
    let contents = Contents {
        has_time: true,
        has_value: R::LAYOUT == Layout::Keyed,
        has_weight: R::LAYOUT == Layout::Clicks,
        ..Contents::default()
    };
    let mut writer = Writer::<R>::create(path, contents)?;
    writer.push_native(&records)?;
    writer.finish(None)?;
    Ok(())
}

fn header(names: &[String], delimiter: char) -> String {
    let quoted = names.iter().map(|name| {
        if name.contains([delimiter, '"', '\n']) {
            format!("\"{}\"", name.replace('"', "\"\""))
        } else {
            name.clone()
        }
    });
    quoted.collect::<Vec<_>>().join(&delimiter.to_string()) + "\n"
}

/// What was found out about a trace from its good records, of which the bad ones alone tell nothing.
fn as_found(found: &Description) -> Vec<(&'static str, String)> {
    let kind = |is_text: bool| if is_text { "text" } else { "u64" }.to_owned();
    let mut known = vec![
        ("source.key_type", kind(found.key_is_text)),
        ("source.item_type", kind(found.item_is_text)),
    ];
    if let Some(header) = found.header {
        known.push((
            "source.header",
            if header { "yes" } else { "no" }.to_owned(),
        ));
    }
    if let Some(delimiter) = found.delimiter {
        known.push(("source.delimiter", delimiter.to_string()));
    }
    let unit = found.time_unit.as_deref().filter(|unit| *unit != "date");
    known.extend(unit.map(|unit| ("source.time_unit", unit.to_owned())));
    known
}
