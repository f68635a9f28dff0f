//! The one place where a configuration meets the engine.
//!
//! ```text
//!   Config ─► source (native file mapped | trace read by a thread | load at a rate | load made ahead)
//!          ─► application (aggregate | recommend) ─► sink ─► Report
//! ```

use super::config::choice::{SinkKind, SourceKind};
use super::config::{App, Config};
use super::error::{CliError, Exit};
use super::labels::Labels;
use super::options::{options, params};
use super::progress::ProgressUpdate;
use super::shown::{Shown, in_words};
use super::{environment, identity, live};
use crate::app::aggregate::Aggregated;
use crate::app::recommend::Recommendation;
use crate::app::{aggregate, recommend};
use crate::flow::{FlowError, Options};
use crate::latency::Report;
use crate::partition::{Partitioning, Scheme};
use crate::runtime::Update;
use crate::sink::{Digest, FileFormat, FileSink, FileWriter, Row, SinkError};
use crate::source::reader::Reading;
use crate::source::trace::native::{ClickRecord, KeyedRecord, Layout, Mapped};
use crate::source::trace::{self, Format, Texts, TraceError};
use crate::source::{Generate, Made, MappedFeed, Replay, Replayed, Source};
use crate::sys::real_disk::RealDisk;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// Events of a load at full speed that are made ahead where the run is bounded by time: 96 MiB, far more
/// than any cache, and the keys of 4 Mi draws.
const MADE_AHEAD: u64 = 4 << 20;
/// Most events made ahead where the run is bounded by their number: 1.5 GiB.
const MADE_AHEAD_MAX: u64 = 64 << 20;

/// Why a run brought no report.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The trace cannot be read, or not on.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The flow could not be built or did not end well.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The results could not be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The configuration does not fit the application.
    #[error("{0}")]
    Refused(#[from] CliError),
}

impl From<JobError> for CliError {
    fn from(error: JobError) -> CliError {
        match error {
            JobError::Trace(error) => error.into(),
            JobError::Refused(error) => error,
            JobError::Flow(
                FlowError::Option { .. }
                | FlowError::Partition(_)
                | FlowError::Memory { .. }
                | FlowError::Allocate(_)
                | FlowError::SplitHot { .. }
                | FlowError::Cpus(_),
            ) => CliError::usage(error.to_string()),
            JobError::Sink(ref sink) if sink.exit_code() == 2 => CliError::usage(error.to_string()),
            JobError::Sink(_) | JobError::Flow(_) => CliError::new(Exit::Failed, error.to_string()),
        }
    }
}

/// Runs what `config` describes and returns its report; `progress` is called once an epoch.
///
/// # Errors
/// The source cannot be opened, the sink cannot be written, or an operator failed.
pub fn run_job(
    config: &Config,
    progress: &mut dyn FnMut(ProgressUpdate),
) -> Result<Report, JobError> {
    let started = SystemTime::now();
    let mut tell = |update: Update| {
        progress(ProgressUpdate {
            events: update.events_out,
            events_per_s: update.events_per_s,
            latency_ns_p99: Some(update.latency_ns_p99),
        });
    };
    let mut report = match config.source.kind {
        SourceKind::Trace => replay(config, &mut tell)?,
        SourceKind::Load => generate(config, &mut tell)?,
    };
    environment::fill(&mut report.summary.environment, started);
    identity::note(config, &mut report.summary);
    Ok(report)
}

fn replay(config: &Config, tell: &mut dyn FnMut(Update)) -> Result<Report, JobError> {
    let source = &config.source;
    let pace = super::load::pace(config)?;
    // What a pipe has given once it does not give again: it is opened by its reader alone.
    let is_pipe = std::fs::metadata(&source.trace).is_ok_and(|found| !found.is_file());
    let is_native = || -> Result<bool, TraceError> {
        let trace = trace::open(&source.trace, &source.options)?;
        Ok(trace.describe().format == Format::Native)
    };
    if !is_pipe && is_native()? {
        // Checked whole before the clock starts; that also brings its pages into memory.
        let mapped = Mapped::open(&source.trace, true)?;
        let texts = mapped.texts()?;
        let (limit, rounds) = (source.limit, config.pace.loops);
        return match mapped.layout() {
            Layout::Keyed => {
                let feed = MappedFeed::<KeyedRecord>::new(mapped, limit, rounds);
                run_app(config, Replay::new(feed, pace), texts, tell)
            }
            Layout::Clicks => {
                let feed = MappedFeed::<ClickRecord>::new(mapped, limit, rounds);
                run_app(config, Replay::new(feed, pace), texts, tell)
            }
        };
    }
    let reading = Reading {
        path: source.trace.clone(),
        options: source.options.clone(),
        limit: source.limit,
        rounds: config.pace.loops,
    };
    let mut config = config.clone();
    match config.app {
        App::Recommend => {
            let (feed, texts) = live::start::<ClickRecord>(&mut config, reading, is_pipe)?;
            run_app(&config, Replay::new(feed, pace), texts, tell)
        }
        App::Aggregate => {
            let (feed, texts) = live::start::<KeyedRecord>(&mut config, reading, is_pipe)?;
            run_app(&config, Replay::new(feed, pace), texts, tell)
        }
    }
}

fn generate(config: &Config, tell: &mut dyn FnMut(Update)) -> Result<Report, JobError> {
    let mut load = super::load::load(config)?;
    let section = &config.load;
    let texts = Arc::<Texts>::default();
    let mut duration_ns = section.events.is_none().then_some(section.duration_ns);
    if load.schedule().is_max() {
        let ahead = section.events.unwrap_or(MADE_AHEAD).min(MADE_AHEAD_MAX);
        if config.repeats.is_some() {
            // How many events that was is known now; how long they took does not matter.
            duration_ns = None;
        }
        let made = Made::new(&mut load, ahead as usize, section.events, duration_ns);
        return run_app(config, made, texts, tell);
    }
    let generate = Generate::new(load, section.events, duration_ns);
    let generate = match config.repeats {
        None => generate,
        Some(_) => generate.at_once(),
    };
    run_app(config, generate, texts, tell)
}

fn run_app<S>(
    config: &Config,
    source: S,
    texts: Arc<Texts>,
    tell: &mut dyn FnMut(Update),
) -> Result<Report, JobError>
where
    S: Source,
    S::Event: Replayed + aggregate::Reading + Into<recommend::Click>,
{
    match config.app {
        App::Aggregate => run_aggregate(config, source, texts, tell),
        App::Recommend => run_recommend(config, source, texts, tell),
    }
}

fn run_aggregate<S>(
    config: &Config,
    source: S,
    texts: Arc<Texts>,
    tell: &mut dyn FnMut(Update),
) -> Result<Report, JobError>
where
    S: Source,
    S::Event: aggregate::Reading,
{
    let options = options(config);
    let partitioning = config.partition.partitioning(1);
    let scheme = partitioning.scheme;
    let mut report = match file::<Aggregated>(config, &options, texts)? {
        None => aggregate::run(options, source, partitioning, |_| Digest::default(), tell)?.report,
        Some(file) => {
            let (writer, stop, mut next) = (file.writer, options.stop.clone(), file.sinks);
            let tell = &mut |update| tell_while_written(update, &writer, &stop, tell);
            let outcome = aggregate::run(options, source, partitioning, |_| next(), tell)?;
            writer.finish()?;
            outcome.report
        }
    };
    if !matches!(scheme, Scheme::Hash | Scheme::Range) {
        report.summary.warnings.push(format!(
            "partition.scheme = \"{scheme}\" spreads a key over partitions: each keeps a total of its own"
        ));
    }
    Ok(report)
}

fn run_recommend<S>(
    config: &Config,
    source: S,
    texts: Arc<Texts>,
    tell: &mut dyn FnMut(Update),
) -> Result<Report, JobError>
where
    S: Source,
    S::Event: Into<recommend::Click>,
{
    let options = options(config);
    let partitioning = config.partition.partitioning(1);
    require_owner(&partitioning)?;
    let params = params(config)?;
    let labels = config.source.labels_file();
    let labels = labels.map_or_else(|| Ok(Labels::default()), |path| Labels::read(&path))?;
    let (mut report, kept) = match file::<Recommendation>(config, &options, texts.clone())? {
        None => {
            let make = |_| Shown::new(Digest::default());
            let outcome = recommend::run(options, source, params, partitioning, make, tell)?;
            (outcome.report, shown(outcome.sinks))
        }
        Some(file) => {
            let (writer, stop, mut next) = (file.writer, options.stop.clone(), file.sinks);
            let tell = &mut |update| tell_while_written(update, &writer, &stop, tell);
            let make = |_| Shown::new(next());
            let outcome = recommend::run(options, source, params, partitioning, make, tell)?;
            writer.finish()?;
            (outcome.report, shown(outcome.sinks))
        }
    };
    report.summary.samples = in_words(kept, &labels, &texts);
    Ok(report)
}

fn shown<S>(sinks: Vec<Shown<S>>) -> Vec<Recommendation> {
    let parts = sinks.into_iter().flat_map(|sink| sink.into_parts().0);
    parts.collect()
}

/// A file of results about to be written.
struct File<F> {
    writer: FileWriter,
    /// The sink of the next partition.
    sinks: F,
}

/// The file that the configuration asks for, if it asks for one.
fn file<T: Row>(
    config: &Config,
    options: &Options,
    texts: Arc<Texts>,
) -> Result<Option<File<impl FnMut() -> FileSink<T> + use<T>>>, JobError> {
    let Some(path) = config.sink.path(&config.report) else {
        return Ok(None);
    };
    if config.sink.file == "auto" {
        std::fs::create_dir_all(&config.report.out).map_err(|error| {
            let out = config.report.out.display();
            CliError::failed(format!("cannot create {out}: {error}"))
                .at("report.out")
                .help("name a directory that can be written with --out DIR")
        })?;
    }
    let format = match config.sink.kind {
        SinkKind::Jsonl => FileFormat::Jsonl,
        SinkKind::Native => FileFormat::Native,
        SinkKind::Csv | SinkKind::Discard => FileFormat::Csv,
    };
    let partitions = options.resolve().partitions;
    let (writer, sinks) = match &options.checkpoint {
        None => FileWriter::create::<T>(&path, format, partitions, texts)?,
        Some(checkpoint) => {
            let (disk, (link, position)) = (RealDisk::plain(), checkpoint.results(&options.name)?);
            let part = Box::new(link);
            match position {
                None => FileWriter::create_by_epochs::<T, _>(
                    disk, &path, format, partitions, texts, part,
                )?,
                Some(position) => FileWriter::restore::<T, _>(
                    disk, &path, format, partitions, texts, part, &position,
                )?,
            }
        }
    };
    let mut sinks = sinks.into_iter();
    let next = move || sinks.next().expect("a sink was made for each partition");
    Ok(Some(File {
        writer,
        sinks: next,
    }))
}

/// A run whose results can no longer be written is not worth its end.
fn tell_while_written(
    update: Update,
    writer: &FileWriter,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(Update),
) {
    if writer.has_failed() {
        stop.store(true, Ordering::Relaxed);
    }
    tell(update);
}

/// A user's history must have one owner, or the answers mean nothing.
fn require_owner(partitioning: &Partitioning) -> Result<(), CliError> {
    if matches!(partitioning.scheme, Scheme::Hash | Scheme::Range) {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "`recommend` cannot partition by {}",
        partitioning.scheme
    ))
    .at("partition.scheme")
    .expected("hash or range, which keep each user in one partition")
    .help("aggregate runs with every scheme"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_configuration_asks_for_in_vain_is_its_fault() {
        let refused = FlowError::SplitHot {
            whose: "the flow \"recommend\"".into(),
            reason: "no stage has an operator whose state can be merged",
        };
        let error = CliError::from(JobError::Flow(refused));
        assert_eq!(error.exit(), Exit::Usage);
        assert!(
            error
                .to_string()
                .contains("hot keys of the flow \"recommend\"")
        );
    }
}
