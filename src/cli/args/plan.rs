//! `plan`: what a flow would do on other cores.

use super::replay::ReadingArgs;
use crate::schedule::Allocator;
use clap::Args;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// `plan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream plan millstream-run                  from what a run measured: its cores, other allocators, one core more\n  \
    millstream plan one --against two               costs of one run, the placement of another: predicted and measured\n  \
    millstream plan --trace clicks.csv.zst          from the keys of a trace, with costs of an event as said\n  \
    millstream plan millstream-run --cores 8 --json\n\n\
    Nothing is run: the machine is simulated, and its assumptions are printed (docs/plan.md).")]
pub struct PlanArgs {
    /// Report directory of a run
    #[arg(value_name = "RUN_DIR")]
    pub run: Option<PathBuf>,
    /// Plan from the keys of a trace instead, for a source and one keyed stage
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    pub trace: Option<String>,
    /// Report directory of another run of the same flow: predict its cores with the costs of the first
    #[arg(long, value_name = "RUN_DIR", requires = "run")]
    pub against: Option<PathBuf>,
    /// Cores for which allocators and partitions are compared [default: those of the run, 2 for a trace]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=128))]
    pub cores: Option<u16>,
    /// Partitions of each keyed stage where allocators are compared [default: those of the run; for a trace those that the engine chooses, two on one core and else four a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub partitions: Option<u16>,
    /// Allocator for the tables of partitions and cores [default: auto]
    #[arg(long, value_parser = super::words(Allocator::NAMES))]
    pub allocator: Option<String>,
    /// Core time of an event in the source, ns, 0.1 to 100,000,000 [default: from the run; 5 for a trace]
    #[arg(long, value_name = "NS", value_parser = event_ns)]
    pub source_ns: Option<f64>,
    /// Core time of an event in each keyed stage, ns, 0.1 to 100,000,000 [default: from the run; 18 for a trace]
    #[arg(long, value_name = "NS", value_parser = event_ns)]
    pub stage_ns: Option<f64>,
    /// How the trace is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Core times of an event that a plan can be made of: from less than an instruction to a tenth of a second.
const EVENT_NS: RangeInclusive<f64> = 0.1..=1e8;

/// Reads the core time of an event, ns.
fn event_ns(text: &str) -> Result<f64, String> {
    let ns: f64 = text
        .parse()
        .map_err(|_| "expected a number of ns".to_owned())?;
    if EVENT_NS.contains(&ns) {
        return Ok(ns);
    }
    Err("expected 0.1 to 100000000 ns (100 ms)".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_an_event_have_bounds() {
        for (text, ns) in [("0.1", 0.1), ("18", 18.0), ("1e8", 1e8)] {
            assert_eq!(event_ns(text), Ok(ns));
        }
        for text in ["0", "-1", "NaN", "inf", "1e9", "1e300", "0.01"] {
            let error = event_ns(text).expect_err(text);
            assert!(error.contains("0.1 to 100000000 ns"), "{text}: {error}");
        }
        assert!(event_ns("fast").is_err_and(|error| error.contains("a number of ns")));
    }
}
