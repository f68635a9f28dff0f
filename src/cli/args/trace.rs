//! `trace`: look at, convert and generate trace files.

use super::FlagSetting;
use super::bench::LoadArgs;
use super::replay::ReadingArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What to do with a trace.
#[derive(Debug, Subcommand)]
pub enum TraceCommand {
    /// Say what a trace holds: format, columns, records, keys, time span
    Info(InfoArgs),
    /// Convert a trace to the native format, CSV or JSON lines
    Convert(ConvertArgs),
    /// Write the events of the load generator as a trace
    Generate(GenerateArgs),
}

/// `trace info`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream trace info clicks.csv.zst\n  \
    millstream trace info clicks.csv.zst --json")]
pub struct InfoArgs {
    /// The trace
    pub trace: String,
    /// How the trace is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// `trace convert`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream trace convert clicks.csv.zst clicks.mill    replays at memory speed\n  \
    millstream trace convert P3.lis.zst p3.csv")]
pub struct ConvertArgs {
    /// The trace to read
    pub from: String,
    /// The file to write; its name says the format (.mill, .csv, .jsonl)
    pub to: PathBuf,
    /// How the trace is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// `trace generate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream trace generate zipf.mill --keys 'zipf(0.99,1000000)' --events 10M\n  \
    millstream trace generate day.mill --arrivals poisson --rate 100 --duration 1d --seed 7")]
pub struct GenerateArgs {
    /// The file to write, a native trace: NAME.mill
    pub to: PathBuf,
    /// Which events.
    #[command(flatten)]
    pub load: LoadArgs,
}

impl InfoArgs {
    /// The settings that were given.
    pub fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        trace_setting(&self.trace).chain(self.reading.settings())
    }
}

impl ConvertArgs {
    /// The settings that were given.
    pub fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        trace_setting(&self.from).chain(self.reading.settings())
    }
}

impl GenerateArgs {
    /// The settings that were given.
    pub fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        self.load.settings()
    }
}

fn trace_setting(trace: &str) -> impl Iterator<Item = FlagSetting> {
    [FlagSetting {
        key: "source.trace",
        flag: "TRACE",
        text: trace.to_owned(),
    }]
    .into_iter()
}
