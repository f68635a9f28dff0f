//! The engine's options, common to `run`, `replay` and `bench`.

use super::{FlagSetting, given, words};
use crate::cli::config::choice::{Idle, Order, SinkKind, SplitHot, Switch};
use crate::partition::Scheme;
use crate::schedule::Allocator;
use clap::Args;

/// How the engine runs, and where results go.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Cores to run on, or auto [default: auto]
    #[arg(long, value_name = "N|auto")]
    pub cores: Option<String>,
    /// The CPU of each core, such as 2,3,6 or 4-7, or auto: see check --machine [default: auto]
    #[arg(long, value_name = "CPUS|auto")]
    pub cpus: Option<String>,
    /// Partitions of each keyed stage, or auto: two on one core, else four a core [default: auto]
    #[arg(long, value_name = "N|auto")]
    pub partitions: Option<String>,
    /// What decides the partition of an event [default: hash]
    #[arg(long, value_parser = words(&Scheme::NAMES))]
    pub partition_by: Option<String>,
    /// Whether the events of a key with more than half a core's share go to several partitions, with results unchanged [default: off]
    #[arg(long, value_parser = words(SplitHot::WORDS))]
    pub split_hot: Option<String>,
    /// Order in which a task takes the events of its inputs: deterministic gives equal answers in every run [default: arrival]
    #[arg(long, value_parser = words(Order::WORDS))]
    pub order: Option<String>,
    /// How tasks are allocated to cores; auto is the best that is found in a millisecond [default: auto]
    #[arg(long, value_parser = words(Allocator::NAMES))]
    pub allocate: Option<String>,
    /// What a core does with nothing to do [default: adaptive]
    #[arg(long, value_parser = words(Idle::WORDS))]
    pub idle: Option<String>,
    /// The core of each task at the start, such as 0,1,1; the last counts for all that follow [default: auto]
    #[arg(long, value_name = "CORES|auto")]
    pub place: Option<String>,
    /// Whether tasks move to other cores while the load is uneven [default: on]
    #[arg(long, value_parser = words(Switch::WORDS))]
    pub rebalance: Option<String>,
    /// Memory for keyed state such as "64 MiB"; the rest goes to files and comes back when asked for [default: none]
    #[arg(long, value_name = "SIZE|none")]
    pub memory: Option<String>,
    /// Directory of checkpoints, one each checkpoint.interval (1 s), from which --restore goes on [default: none]
    #[arg(long, value_name = "DIR|none")]
    pub checkpoint: Option<String>,
    /// Go on from the checkpoint of an earlier run: latest (if nothing else is said), or the number of an epoch [default: none]
    #[arg(long, value_name = "latest|EPOCH", num_args = 0..=1, default_missing_value = "latest")]
    pub restore: Option<String>,
    /// Where results go [default: discard]
    #[arg(long, value_parser = words(SinkKind::WORDS))]
    pub sink: Option<String>,
    /// File that results are written to
    #[arg(long, value_name = "FILE")]
    pub sink_file: Option<String>,
    /// Latency goals such as p99=100us,max=5ms; a missed one ends the run with exit code 3
    #[arg(long, value_name = "GOALS")]
    pub goal: Option<String>,
}

impl EngineArgs {
    /// The settings that were given.
    pub fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        given([
            ("runtime.cores", "--cores", &self.cores),
            ("runtime.cpus", "--cpus", &self.cpus),
            ("runtime.partitions", "--partitions", &self.partitions),
            ("partition.scheme", "--partition-by", &self.partition_by),
            ("partition.split_hot", "--split-hot", &self.split_hot),
            ("runtime.order", "--order", &self.order),
            ("runtime.allocate", "--allocate", &self.allocate),
            ("runtime.idle", "--idle", &self.idle),
            ("runtime.place", "--place", &self.place),
            ("balance.rebalance", "--rebalance", &self.rebalance),
            ("state.memory", "--memory", &self.memory),
            ("checkpoint.dir", "--checkpoint", &self.checkpoint),
            ("checkpoint.restore", "--restore", &self.restore),
            ("sink.kind", "--sink", &self.sink),
            ("sink.file", "--sink-file", &self.sink_file),
            ("report.goal", "--goal", &self.goal),
        ])
    }
}
