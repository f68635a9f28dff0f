//! The command line: subcommands, flags and their help. One file for each large subcommand.
//!
//! A flag that stands for a setting is text here and becomes a [`FlagSetting`]; the configuration is
//! the one place that reads, checks and explains values, whichever way they came.

mod bench;
mod cache;
mod checkpoint;
mod ctl;
mod dead_letter;
mod engine;
mod plan;
mod replay;
mod trace;

pub use bench::BenchArgs;
pub use cache::CacheArgs;
pub use checkpoint::{
    CheckpointCommand, CheckpointExportArgs, CheckpointInspectArgs, CheckpointLsArgs,
    CheckpointNowArgs, CheckpointVerifyArgs,
};
pub use ctl::{CtlArgs, CtlCommand};
pub use dead_letter::{DeadLetterCommand, DeadLetterReplayArgs, LettersArgs, ShowArgs};
pub use engine::EngineArgs;
pub use plan::PlanArgs;
pub use replay::ReplayArgs;
pub use trace::{ConvertArgs, GenerateArgs, InfoArgs, TraceCommand};

use super::error::Color;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// A setting given by a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagSetting {
    /// The setting's key.
    pub key: &'static str,
    /// The flag, for messages.
    pub flag: &'static str,
    /// The value as given.
    pub text: String,
}

/// Collects those flags that were given.
fn given<const N: usize>(
    flags: [(&'static str, &'static str, &Option<String>); N],
) -> impl Iterator<Item = FlagSetting> {
    flags.into_iter().filter_map(|(key, flag, text)| {
        text.as_ref().map(|text| FlagSetting {
            key,
            flag,
            text: text.clone(),
        })
    })
}

/// A parser that knows the words of a choice, for the help, the completions and a nearest word.
fn words(words: &'static [&'static str]) -> PossibleValuesParser {
    PossibleValuesParser::new(words)
}

/// A single-node, low-latency, stateful stream engine.
#[derive(Debug, Parser)]
#[command(
    name = "millstream",
    version,
    about,
    long_about = "A single-node, low-latency, stateful stream engine.\n\n\
        Without a subcommand it replays the sample trace of the repository through the \
        recommendation flow and says how fast every event was answered.",
    after_help = "Examples:\n  \
        millstream                                         replay the sample, show recommendations\n  \
        millstream replay clicks.csv.zst --app recommend   replay a trace of your own\n  \
        millstream bench --rate 1M --duration 10s          latency at a million events a second\n  \
        millstream cache clicks.csv.zst                    which cache policy, and how large\n  \
        millstream run --print-config > my.toml            every setting, with its default\n  \
        millstream run my.toml -C runtime.cores=2          a run as configured, but on two cores\n\n\
        Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 a goal was missed, \
        4 the balance of the run does not close.",
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Options that every subcommand takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that every subcommand takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Override one setting, such as -C runtime.cores=2 (repeatable)
    #[arg(short = 'C', value_name = "KEY=VALUE", global = true)]
    pub overrides: Vec<String>,
    /// Print the result as JSON (of a run, its summary.json) on standard output, and nothing else
    #[arg(long, global = true)]
    pub json: bool,
    /// Print errors and warnings only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more: per stage, per core, per partition
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Seed of all randomness
    #[arg(long, value_name = "N", global = true)]
    pub seed: Option<String>,
    /// Directory of the report [default: millstream-run, of cache millstream-cache]
    #[arg(short, long, value_name = "DIR", global = true)]
    pub out: Option<String>,
    /// When to colour
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: Color,
}

impl GlobalArgs {
    /// The settings among the global options (without the overrides).
    pub fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        given([
            ("seed", "--seed", &self.seed),
            ("report.out", "--out", &self.out),
        ])
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run as a configuration file says
    Run(RunArgs),
    /// Replay a trace of real events
    Replay(Box<ReplayArgs>),
    /// Measure latency under generated load
    Bench(Box<BenchArgs>),
    /// Compare cache policies and sizes on traces
    Cache(Box<CacheArgs>),
    /// Print the report of an earlier run
    Report(ReportArgs),
    /// Say what a flow would do on other cores, from a run or a trace
    Plan(Box<PlanArgs>),
    /// Compare the reports of two runs, side by side
    Compare(CompareArgs),
    /// Repeat a run from what it left, and compare the answers
    Verify(VerifyArgs),
    /// Look at, convert or generate trace files
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Look at, verify or export checkpoints
    #[command(subcommand, after_help = checkpoint::EXAMPLES)]
    Checkpoint(CheckpointCommand),
    /// Look at what was set aside, and play it again
    #[command(subcommand, after_help = dead_letter::EXAMPLES)]
    DeadLetter(DeadLetterCommand),
    /// Look at a run that goes on, and steer it
    #[command(after_help = ctl::EXAMPLES)]
    Ctl(CtlArgs),
    /// Say what on this machine will hurt the tail, and what to do
    Check(CheckArgs),
    /// Write checkpoints for the engine that started this process
    #[command(hide = true)]
    CheckpointWriter(CheckpointWriterArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual pages
    Man(ManArgs),
}

/// `run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream run                              the default configuration: the sample trace\n  \
    millstream run --print-config > my.toml     every setting with its default and meaning\n  \
    millstream run my.toml                      a run as configured\n  \
    millstream run my.toml --idle busy          the same, with spinning cores\n  \
    millstream run millstream-run/config.toml   repeat an earlier run\n\n\
    Precedence: defaults < file < -C key=value < flags.")]
pub struct RunArgs {
    /// Configuration file; without one the defaults run
    pub config: Option<PathBuf>,
    /// Print the configuration that would run, with comments, and do not run it
    #[arg(long)]
    pub print_config: bool,
    /// Options of the engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// `report`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream report millstream-run          the text of a run's report\n  \
    millstream report millstream-run --json   its summary.json")]
pub struct ReportArgs {
    /// Report directory of a run
    pub dir: PathBuf,
}

/// `compare`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream bench --cores 1 --out one && millstream bench --cores 2 --out two\n  \
    millstream compare one two   percentiles and throughput side by side, with ratios")]
pub struct CompareArgs {
    /// Report directory of the first run, the base of the ratios
    pub base: PathBuf,
    /// Report directory of the second run
    pub other: PathBuf,
}

/// `verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream replay clicks.csv --order deterministic --out run\n  \
    millstream verify run             the same answers again, at full speed\n  \
    millstream verify run --cores 2   and on another number of cores\n  \
    millstream verify run --from latest   from its newest checkpoint on, which is only read\n\n\
    Exit codes: 0 the answers are equal, 1 they are not, 2 the run cannot be verified; the message says why.")]
pub struct VerifyArgs {
    /// Report directory of the run
    #[arg(value_name = "RUN_DIR")]
    pub dir: PathBuf,
    /// Cores to repeat it on [default: as many as the run had]
    #[arg(long, value_name = "N")]
    pub cores: Option<String>,
    /// Start from a checkpoint of the run, not from the beginning: latest, or the number of an epoch
    #[arg(long, value_name = "latest|EPOCH")]
    pub from: Option<String>,
}

/// `check`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    millstream check --machine   pinning, huge pages, clock, hiccups, steal; takes about two seconds")]
pub struct CheckArgs {
    /// Check the machine
    #[arg(long, required = true)]
    pub machine: bool,
}

/// `checkpoint-writer`, which only the engine starts.
#[derive(Debug, Args)]
pub struct CheckpointWriterArgs {
    /// Descriptor of the memory shared with the engine
    #[arg(long)]
    pub region: i32,
}

/// `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream completions bash > ~/.local/share/bash-completion/completions/millstream\n  \
    millstream completions zsh > \"${fpath[1]}/_millstream\"\n  \
    millstream completions fish > ~/.config/fish/completions/millstream.fish")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream man | man -l -                           read it\n  \
    millstream man --dir ~/.local/share/man/man1        one page for each subcommand")]
pub struct ManArgs {
    /// Write one page for each subcommand into this directory
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
