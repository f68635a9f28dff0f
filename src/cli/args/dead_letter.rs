//! `dead-letter`: look at what was set aside, and play it again.

use clap::{Args, Subcommand};
use std::path::PathBuf;

pub(super) const EXAMPLES: &str = "Examples:\n  \
    millstream dead-letter ls        what the last run set aside, in millstream-run\n  \
    millstream dead-letter show 3    the third letter in full\n  \
    millstream dead-letter replay    the failed events again, as a run of their own";

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLetterCommand {
    /// List what was set aside: bad records of traces, and events that failed
    Ls(LettersArgs),
    /// Show one letter in full
    Show(ShowArgs),
    /// Play what was set aside again, as a trace of its own
    Replay(DeadLetterReplayArgs),
}

/// `dead-letter ls`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream dead-letter ls                        of the last run, in millstream-run\n  \
    millstream dead-letter ls elsewhere --json       as JSON, each letter in full\n  \
    millstream dead-letter ls set-aside.jsonl        of a file")]
pub struct LettersArgs {
    /// Report directory of a run, or a dead-letter file
    #[arg(default_value = "millstream-run")]
    pub from: PathBuf,
}

/// `dead-letter show`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    millstream dead-letter show 3    the third letter of the last run: event, stage, reason, bytes")]
pub struct ShowArgs {
    /// Number of the letter, as `ls` shows it
    pub number: usize,
    /// Report directory of a run, or a dead-letter file
    #[arg(default_value = "millstream-run")]
    pub from: PathBuf,
}

/// `dead-letter replay`.
#[derive(Debug, Args)]
#[command(
    long_about = "Play what was set aside again, as a trace of its own.\n\n\
        Events that failed in the first keyed stage are written, in the order of their stamps, to a native \
        trace; with --records, the bad records of a trace are written as text below the header of that trace. \
        The trace is then replayed with the configuration of the run that set them aside (config.toml beside \
        the letters), without its drill, into a report directory of its own. State starts empty: the run sees \
        these events alone. Events of later stages were made by the stages before them and are not replayed. \
        Letters are never changed: what fails again is set aside again, in the new directory.",
    after_help = "Examples:\n  \
        millstream dead-letter replay                                   the failed events of the last run\n  \
        millstream dead-letter replay --write-only failed.mill          only write them, as a trace\n  \
        millstream dead-letter replay --records -C source.value_scale=100   the bad records, read otherwise"
)]
pub struct DeadLetterReplayArgs {
    /// Report directory of a run, or a dead-letter file
    #[arg(default_value = "millstream-run")]
    pub from: PathBuf,
    /// The bad records instead of the failed events
    #[arg(long)]
    pub records: bool,
    /// Write the trace to this file, and do not run it
    #[arg(long, value_name = "FILE")]
    pub write_only: Option<PathBuf>,
}
