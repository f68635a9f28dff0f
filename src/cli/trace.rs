//! `trace info|convert|generate`.

use super::args::{ConvertArgs, GenerateArgs, GlobalArgs, InfoArgs, TraceCommand};
use super::config::LoadSection;
use super::error::{CliError, Exit, note, print};
use super::load::load;
use super::progress::{Progress, ProgressUpdate};
use super::report::print_json;
use super::{Base, resolve};
use crate::source::load::{Arrivals, Load, LoadEvent};
use crate::source::trace::native::{Contents, KeyedRecord, Writer};
use crate::source::trace::{self, BLOCK_RECORDS, Record, Target, TraceError};
use crate::sys::quantity::{format_bytes, format_count};
use std::path::Path;

pub(super) fn trace(command: &TraceCommand, global: &GlobalArgs) -> Result<Exit, CliError> {
    match command {
        TraceCommand::Info(args) => info(args, global),
        TraceCommand::Convert(args) => convert(args, global),
        TraceCommand::Generate(args) => generate(args, global),
    }
}

fn base(command: &'static str) -> Base {
    Base {
        command,
        settings: &[],
    }
}

fn info(args: &InfoArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let config = resolve(base("trace info"), None, args.settings(), global)?;
    let source = &config.source;
    let progress = Progress::new(None, !global.quiet && !global.json);
    let found = trace::info(&source.trace, &source.options, &mut |read| {
        show(&progress, read.records)
    })?;
    progress.finish();
    if global.json {
        print_json(&found)?;
    } else {
        print(&format!("{found}\n"))?;
    }
    Ok(Exit::Ok)
}

fn convert(args: &ConvertArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let config = resolve(base("trace convert"), None, args.settings(), global)?;
    let (source, target) = (&config.source, Target::of_path(&args.to)?);
    let progress = Progress::new(None, !global.quiet && !global.json);
    let done = trace::convert(
        &source.trace,
        &source.options,
        &args.to,
        target,
        &mut |read| {
            show(&progress, read.records);
        },
    )?;
    progress.finish();
    if !done.left_behind.is_empty() {
        let parts = done.left_behind.join(", ");
        note(&format!(
            "warning: left behind, for the target has no place: {parts}"
        ));
    }
    if global.json {
        print_json(&done)?;
    } else if !global.quiet {
        let bytes = format_bytes(done.bytes);
        print(&format!(
            "{}: {} records, {bytes}\n",
            args.to.display(),
            done.counts.delivered
        ))?;
    }
    Ok(Exit::Ok)
}

fn show(progress: &Progress, records: u64) {
    progress.set(ProgressUpdate {
        events: records,
        ..ProgressUpdate::default()
    });
}

/// Writes what the load generator would offer, as a native trace.
fn generate(args: &GenerateArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let config = resolve(base("trace generate"), None, args.settings(), global)?;
    if args
        .to
        .extension()
        .is_none_or(|extension| extension != "mill")
    {
        return Err(CliError::usage("generated traces are native ones")
            .at(args.to.display().to_string())
            .expected("a name that ends in .mill")
            .help("`millstream trace convert` makes CSV or JSON lines of it"));
    }
    let limit = Limit::of(&config.load)?;
    let (events, bytes) = write_load(&args.to, load(&config)?, limit)?;
    if !global.quiet && !global.json {
        let (events, bytes) = (format_count(events), format_bytes(bytes));
        print(&format!(
            "{}: {events} events, {bytes}\n",
            args.to.display()
        ))?;
    }
    Ok(Exit::Ok)
}

/// Where a generated trace ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Events(u64),
    DueNs(u64),
}

impl Limit {
    fn of(load: &LoadSection) -> Result<Limit, CliError> {
        let timeless =
            load.rate.is_max() && !matches!(load.arrivals, Arrivals::Ramp { .. } | Arrivals::Trace);
        match load.events {
            Some(events) => Ok(Limit::Events(events)),
            None if timeless => Err(CliError::usage("at rate max a duration says nothing")
                .expected("--events, such as --events 10M, or a rate")
                .help("events without a rate are stamped 0, 1, 2, … ns")),
            None => Ok(Limit::DueNs(load.duration_ns)),
        }
    }

    fn reached(self, made: u64, due_ns: u64) -> bool {
        match self {
            Limit::Events(events) => made >= events,
            Limit::DueNs(end_ns) => due_ns >= end_ns,
        }
    }
}

fn write_load(to: &Path, mut load: Load, limit: Limit) -> Result<(u64, u64), TraceError> {
    let contents = Contents {
        has_time: true,
        has_value: true,
        ..Contents::default()
    };
    let mut writer = Writer::<KeyedRecord>::create(to, contents)?;
    let (mut block, mut made) = (Vec::with_capacity(BLOCK_RECORDS), 0);
    loop {
        let (due_ns, event) = load.next_event();
        let end = limit.reached(made, due_ns);
        if !end {
            block.push(record(event));
            made += 1;
        }
        if end || block.len() == BLOCK_RECORDS {
            writer.push(&block)?;
            block.clear();
        }
        if end {
            return Ok((made, writer.finish(None)?));
        }
    }
}

fn record(event: LoadEvent) -> Record {
    Record {
        key: event.key,
        value: event.value,
        ts_ns: event.ts_ns,
        ..Record::default()
    }
}

impl From<TraceError> for CliError {
    fn from(error: TraceError) -> CliError {
        let exit = if error.is_usage() {
            Exit::Usage
        } else {
            Exit::Failed
        };
        CliError::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::{Config, Settings};
    use crate::source::trace::native::Mapped;

    fn config(assignments: &[&str]) -> Config {
        let mut settings = Settings::default();
        for assignment in assignments {
            settings.lay_override(assignment).expect("a key");
        }
        Config::read(settings).expect("valid")
    }

    fn generated(config: &Config) -> Vec<KeyedRecord> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("load.mill");
        let limit = Limit::of(&config.load).expect("it ends");
        write_load(&path, load(config).expect("a load"), limit).expect("written");
        let mapped = Mapped::open(&path, true).expect("a trace");
        mapped
            .records::<KeyedRecord>()
            .expect("keyed records")
            .to_vec()
    }

    #[test]
    fn a_generated_trace_holds_what_the_load_offers() {
        let config = config(&["load.events=10000", "load.rate=1M", "load.keys=uniform(50)"]);
        let records = generated(&config);
        let mut load = load(&config).expect("a load");
        assert_eq!(records.len(), 10_000);
        for found in records {
            let (_, event) = load.next_event();
            assert_eq!(found, KeyedRecord::from(record(event)));
        }
    }

    #[test]
    fn a_duration_ends_before_its_end() {
        let records = generated(&config(&["load.duration=10ms", "load.rate=100k"]));
        assert_eq!(records.len(), 1_000);
        assert!(records.iter().all(|record| record.ts_ns < 10_000_000));
    }

    #[test]
    fn full_speed_needs_a_number_of_events() {
        assert!(Limit::of(&config(&["load.rate=max"]).load).is_err());
        let counted = config(&["load.rate=max", "load.events=5"]);
        assert_eq!(Limit::of(&counted.load).ok(), Some(Limit::Events(5)));
    }
}
