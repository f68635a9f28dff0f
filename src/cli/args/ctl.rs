//! `ctl`: look at a run that goes on, and steer it.

use clap::{Args, Subcommand};
use std::path::PathBuf;

pub(super) const EXAMPLES: &str = "Examples:\n  \
    millstream ctl status                          cores, tasks, loads, what waits, checkpoints\n  \
    millstream ctl status --out run2 --json        of the run whose report goes to run2\n  \
    millstream ctl cores 2                         go on with two cores; tasks move by themselves\n  \
    millstream ctl move \"aggregate 3\" 1            put one task on core 1\n  \
    millstream ctl rebalance                       even the load out now\n  \
    millstream ctl checkpoint                      make a checkpoint, wait until it is durable\n  \
    millstream ctl stop                            end it as Ctrl-C does: drain and report\n\n\
    A run is found by its socket: ctl.sock in the directory of its report (--out), or --socket. `run` and \
    `replay` open one; `bench` does with -C ctl.socket=auto.";

/// `ctl`.
#[derive(Debug, Args)]
pub struct CtlArgs {
    /// The run's socket [default: ctl.sock in the directory given with --out]
    #[arg(long, value_name = "PATH", global = true)]
    pub socket: Option<PathBuf>,
    /// What to ask for.
    #[command(subcommand)]
    pub command: CtlCommand,
}

/// What a run can be asked for.
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    /// Show cores, tasks, what they cost now, what waits, and checkpoints
    #[command(after_help = "Examples:\n  \
        millstream ctl status\n  \
        watch -n 1 millstream ctl status\n\n\
        load: share of a core's time that a task takes, or that the tasks of a core take together; busy: share \
        of a core's time in rounds that moved something. Both are smoothed over a few tenths of a second.")]
    Status,
    /// Make a checkpoint now, and wait until it is durable
    Checkpoint {
        /// How long to wait for it
        #[arg(long, value_name = "DURATION", default_value = "10s")]
        wait: String,
    },
    /// Move tasks so that the load is even, without waiting for the threshold or patience
    Rebalance,
    /// Go on with so many cores: tasks leave those that are taken away, and move to those that are added
    #[command(after_help = "Examples:\n  \
        millstream ctl cores 1    everything moves to core 0; the others sleep\n  \
        millstream ctl cores 2    core 1 is started, or used again")]
    Cores {
        /// How many; at most one for each CPU that the run may use
        #[arg(value_name = "N")]
        cores: usize,
    },
    /// Move one task to a core
    #[command(after_help = "Example:\n  \
        millstream ctl move \"aggregate 3\" 1\n\n\
        With balance.rebalance = \"on\" the engine may move it again.")]
    Move {
        /// Its name, as `status` shows it
        task: String,
        /// Index of the core
        core: usize,
    },
    /// End the run as Ctrl-C does: what is in flight is answered, and the report written
    Stop,
}
