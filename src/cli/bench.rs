//! `bench`: latency under generated load, at one rate or in search of the knee.

use super::args::{BenchArgs, GlobalArgs};
use super::config::{Config, Origin};
use super::error::{CliError, Exit, note, print};
use super::knee::{Knee, ProbeResult, find_knee};
use super::recovery::recovery;
use super::run::{execute, judge_balance, measure};
use super::{Base, resolve};
use crate::sys::quantity::format_rate;

const BASE: Base = Base {
    command: "bench",
    settings: &[
        ("source.kind", "load"),
        ("app", "aggregate"),
        ("ctl.socket", "none"),
    ],
};
/// Where the search for the knee starts, events a second: any engine keeps up with that.
const KNEE_LOWEST: f64 = 10_000.0;
/// Where it ends: one core cannot be offered more through any source.
const KNEE_HIGHEST: f64 = 200_000_000.0;

pub(super) fn bench(args: &BenchArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let config = resolve(BASE, None, args.settings(), global)?;
    if let Some(kill_at) = &args.kill_at {
        recovery(&config, kill_at, global)
    } else if args.find_knee {
        knee(&config, global)
    } else {
        execute(&config, global)
    }
}

/// Searches the highest rate that keeps the goal; the report that stays is that of this rate.
fn knee(config: &Config, global: &GlobalArgs) -> Result<Exit, CliError> {
    let Some(goals) = &config.report.goal else {
        return Err(CliError::usage("--find-knee has no goal to keep")
            .expected("--goal, such as --goal p99=100us"));
    };
    let mut best = None;
    let knee = find_knee(KNEE_LOWEST, KNEE_HIGHEST, |rate| {
        let report = measure(&at_rate(config, rate)?, global)?;
        let result = ProbeResult {
            goal_kept: goals.kept(&report.summary.latency_ns),
            schedule_kept: report.summary.schedule.kept,
        };
        if !global.quiet && !global.json {
            let verdicts = goals.judge(&report.summary.latency_ns);
            let verdicts: Vec<String> = verdicts.iter().map(ToString::to_string).collect();
            let behind = if result.schedule_kept {
                ""
            } else {
                "; the schedule was not kept"
            };
            note(&format!(
                "{:>10}  {}{behind}",
                format_rate(rate),
                verdicts.join(", ")
            ));
        }
        // An engine that loses events has no rate at all: that ends the search, and its report stays.
        if !report.summary.balanced {
            super::report::write(&report, &at_rate(config, rate)?)?;
            judge_balance(&report.summary, config)?;
        }
        if result.goal_kept && result.schedule_kept {
            best = Some((rate, report));
        }
        Ok::<ProbeResult, CliError>(result)
    })?;
    let Some((rate, report)) = best else {
        return Err(CliError::new(
            Exit::GoalMissed,
            format!(
                "goal {goals} is missed even at {}",
                format_rate(KNEE_LOWEST)
            ),
        )
        .help("`millstream check --machine` says what disturbs the tail"));
    };
    super::report::write(&report, &at_rate(config, rate)?)?;
    super::report::show(&report.summary, global)?;
    super::report::show_place(config, global)?;
    if !global.json {
        print(&in_words(&knee, &goals.to_string()))?;
    }
    Ok(Exit::Ok)
}

fn at_rate(config: &Config, rate_events_per_s: f64) -> Result<Config, CliError> {
    let mut settings = config.settings().clone();
    let rate = format!("{rate_events_per_s:.0}");
    settings.lay_text("load.rate", &rate, Origin::Command("bench --find-knee"))?;
    Ok(Config::read(settings)?)
}

fn in_words(knee: &Knee, goals: &str) -> String {
    let probes = knee.probes.len();
    match (knee.kept_events_per_s, knee.missed_events_per_s) {
        (Some(kept), Some(missed)) => format!(
            "knee: {} keeps {goals}, {} misses it ({probes} probes)\n",
            format_rate(kept),
            format_rate(missed)
        ),
        (Some(kept), None) => {
            format!(
                "knee: not reached; {} still keeps {goals} ({probes} probes)\n",
                format_rate(kept)
            )
        }
        (None, _) => format!(
            "knee: below {}, which misses {goals}\n",
            format_rate(KNEE_LOWEST)
        ),
    }
}
