//! `bench`: latency under generated load.

use super::{EngineArgs, FlagSetting, given, words};
use crate::cli::config::choice::App;
use clap::Args;

/// `bench`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream bench --rate 1M --duration 10s\n  \
    millstream bench --app aggregate --keys 'zipf(0.99,1000000)' --rate max --events 100M\n  \
    millstream bench --arrivals 'ramp(100k,2M,30s)' --duration 30s\n  \
    millstream bench --arrivals poisson --rate 200k --goal p99=50us\n  \
    millstream bench --find-knee --goal p99=100us    the highest rate that keeps the goal\n  \
    millstream bench --events 5M --rate 500k --checkpoint state --kill-at 5s --restore\n\n\
    The load is open loop: events are due by the clock, whether or not the engine keeps up, and \
    latency counts from when an event was due.")]
pub struct BenchArgs {
    /// Application [default: aggregate]
    #[arg(long, value_parser = words(App::WORDS))]
    pub app: Option<String>,
    /// The load that is offered.
    #[command(flatten)]
    pub load: LoadArgs,
    /// Search the highest rate that keeps --goal
    #[arg(long, requires = "goal", conflicts_with_all = ["rate", "events"])]
    pub find_knee: bool,
    /// Kill the run after this time, start it again from its newest checkpoint, and measure how it comes back
    #[arg(long, value_name = "DURATION", conflicts_with = "find_knee")]
    pub kill_at: Option<String>,
    /// Options of the engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}

impl BenchArgs {
    /// The settings that were given.
    pub fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        given([("app", "--app", &self.app)])
            .chain(self.load.settings())
            .chain(self.engine.settings())
    }
}

/// Which load is offered.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Load")]
pub struct LoadArgs {
    /// uniform(n), zipf(s,n), hot(share,hot_keys,n) or sequential(n) [default: zipf(0.99,1000000)]
    #[arg(long, value_name = "KEYS")]
    pub keys: Option<String>,
    /// constant(value) or uniform(low,high) [default: uniform(0,999)]
    #[arg(long, value_name = "VALUES")]
    pub values: Option<String>,
    /// constant, poisson, bursts(on,off), ramp(from,to,over) or trace [default: constant]
    #[arg(long, value_name = "ARRIVALS")]
    pub arrivals: Option<String>,
    /// Events a second, or max [default: 100k]
    #[arg(long, value_name = "N|max")]
    pub rate: Option<String>,
    /// How long to offer load; with --find-knee, of each probe [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<String>,
    /// How many events to offer, in place of a duration
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    pub events: Option<String>,
}

impl LoadArgs {
    /// The settings that were given.
    pub fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        given([
            ("load.keys", "--keys", &self.keys),
            ("load.values", "--values", &self.values),
            ("load.arrivals", "--arrivals", &self.arrivals),
            ("load.rate", "--rate", &self.rate),
            ("load.duration", "--duration", &self.duration),
            ("load.events", "--events", &self.events),
        ])
    }
}
