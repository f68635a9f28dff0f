//! `checkpoint`: look at, verify and export what a run can be restored from.

use clap::{Args, Subcommand};
use std::path::PathBuf;

pub(super) const EXAMPLES: &str = "Examples:\n  \
    millstream checkpoint ls state                          which epochs there are\n  \
    millstream checkpoint verify state                      whether each is whole\n  \
    millstream checkpoint export state --stage aggregate    the newest state, as CSV\n  \
    millstream run --checkpoint state --restore latest      go on from there";

/// What to do with a checkpoint directory.
#[derive(Debug, Subcommand)]
pub enum CheckpointCommand {
    /// List runs and epochs: when, how large, whole or why not
    Ls(CheckpointLsArgs),
    /// Say what an epoch holds, part by part
    Inspect(CheckpointInspectArgs),
    /// Verify every block of every epoch, or of one
    Verify(CheckpointVerifyArgs),
    /// Print the state of a stage as CSV or JSON lines
    Export(CheckpointExportArgs),
    /// Have the run that uses the directory make a checkpoint now, and wait until it is durable
    Now(CheckpointNowArgs),
}

/// `checkpoint ls`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream checkpoint ls state          reads manifests and headers, no blocks\n  \
    millstream checkpoint ls state --json")]
pub struct CheckpointLsArgs {
    /// Checkpoint directory of a run (checkpoint.dir)
    pub dir: PathBuf,
}

/// `checkpoint inspect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream checkpoint inspect state              the newest epoch that is whole\n  \
    millstream checkpoint inspect state --epoch 41   this one")]
pub struct CheckpointInspectArgs {
    /// Checkpoint directory of a run (checkpoint.dir)
    pub dir: PathBuf,
    /// The epoch [default: the newest that is whole]
    #[arg(long, value_name = "N")]
    pub epoch: Option<u64>,
}

/// `checkpoint verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream checkpoint verify state               exit code 1 if an epoch is damaged\n  \
    millstream checkpoint verify state --epoch 41")]
pub struct CheckpointVerifyArgs {
    /// Checkpoint directory of a run (checkpoint.dir)
    pub dir: PathBuf,
    /// The epoch [default: all that are there]
    #[arg(long, value_name = "N")]
    pub epoch: Option<u64>,
}

/// `checkpoint export`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream checkpoint export state --stage aggregate > totals.csv\n  \
    millstream checkpoint export state --part aggregate-0 --json --to part.jsonl\n\n\
    The state of `aggregate` comes in columns; of other stages key, stamp and the value's bytes in hex.")]
pub struct CheckpointExportArgs {
    /// Checkpoint directory of a run (checkpoint.dir)
    pub dir: PathBuf,
    /// The epoch [default: the newest that is whole]
    #[arg(long, value_name = "N")]
    pub epoch: Option<u64>,
    /// One part, by its name and partition, such as aggregate-0
    #[arg(long, value_name = "NAME", required_unless_present = "stage")]
    pub part: Option<String>,
    /// All partitions of a stage
    #[arg(long, value_name = "NAME", conflicts_with = "part")]
    pub stage: Option<String>,
    /// CSV with a header line; the default. With --json a JSON object a line
    #[arg(long)]
    pub csv: bool,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

/// `checkpoint now`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream checkpoint now state                before an update of the machine, say\n  \
    millstream checkpoint now state --wait 1m      of a large state on a slow disk\n\n\
    The run is found by the lock of its directory, and asked with SIGUSR1.")]
pub struct CheckpointNowArgs {
    /// Checkpoint directory of a run (checkpoint.dir)
    pub dir: PathBuf,
    /// How long to wait for it
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub wait: String,
}
