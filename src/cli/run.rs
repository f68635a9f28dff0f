//! `run [CONFIG.toml]`, and what every run has in common: progress, report, verdict.

use super::args::{GlobalArgs, RunArgs};
use super::config::choice::SourceKind;
use super::config::{Config, SAMPLE_LABELS, SAMPLE_TRACE};
use super::ctl::serve;
use super::error::{CliError, Exit, note, print};
use super::job::run_job;
use super::progress::Progress;
use super::{Base, resolve};
use crate::latency::{Report, Summary};
use std::path::Path;

pub(super) fn run(args: &RunArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let base = Base {
        command: "run",
        settings: &[],
    };
    let config = resolve(base, args.config.as_deref(), args.engine.settings(), global)?;
    if args.print_config {
        print(&config.to_toml())?;
        return Ok(Exit::Ok);
    }
    execute(&config, global)
}

/// Runs a configuration, writes and prints its report, and judges it.
pub(super) fn execute(config: &Config, global: &GlobalArgs) -> Result<Exit, CliError> {
    conclude(&measure(config, global)?, config, global)
}

/// Writes and prints the report of a run that came to its end, and judges it.
fn conclude(report: &Report, config: &Config, global: &GlobalArgs) -> Result<Exit, CliError> {
    super::report::write(report, config)?;
    super::report::show(&report.summary, global)?;
    super::report::show_place(config, global)?;
    judge(&report.summary, config)
}

/// Runs a configuration, with progress on a terminal.
pub(super) fn measure(config: &Config, global: &GlobalArgs) -> Result<Report, CliError> {
    require_trace(config)?;
    if global.verbose && !global.json {
        config
            .settings()
            .changed()
            .for_each(|setting| note(&setting));
    }
    let progress = Progress::new(expected_events(config), !global.quiet && !global.json);
    let mut config = config.clone();
    let served = serve(&mut config, global.quiet || global.json);
    let report = run_job(&config, &mut |update| progress.set(update));
    drop(served);
    progress.finish();
    Ok(report?)
}

/// The sample may be missing because the command was started somewhere else: say so before anything starts.
fn require_trace(config: &Config) -> Result<(), CliError> {
    let trace = &config.source.trace;
    let sample = config.source.kind == SourceKind::Trace && trace == Path::new(SAMPLE_TRACE);
    if !sample || trace.exists() {
        return Ok(());
    }
    Err(CliError::usage("the sample trace is not here")
        .at(SAMPLE_TRACE)
        .expected(format!("the repository's root as current directory, with it and {SAMPLE_LABELS}"))
        .help("change to the root of the repository, or replay a trace of your own: millstream replay TRACE"))
}

/// How many events the run will take in, where that is known before it starts.
fn expected_events(config: &Config) -> Option<u64> {
    if config.source.kind == SourceKind::Trace {
        return config
            .source
            .limit
            .map(|limit| limit.saturating_mul(config.pace.loops));
    }
    let by_duration = |rate: f64| (rate * config.load.duration_ns as f64 / 1e9).round() as u64;
    config
        .load
        .events
        .or_else(|| config.load.rate.events_per_s().map(by_duration))
}

/// The exit code of a run that came to its end.
pub(super) fn judge(summary: &Summary, config: &Config) -> Result<Exit, CliError> {
    judge_balance(summary, config)?;
    let Some(goals) = &config.report.goal else {
        return Ok(Exit::Ok);
    };
    let missed: Vec<String> = goals
        .judge(&summary.latency_ns)
        .iter()
        .filter(|verdict| !verdict.kept())
        .map(|verdict| verdict.to_string())
        .collect();
    if missed.is_empty() {
        return Ok(Exit::Ok);
    }
    Err(CliError::new(Exit::GoalMissed, format!("goal {}", missed.join("; goal ")))
        .at(config.settings().origin("report.goal").to_string())
        .help("`millstream bench --find-knee` finds the rate that keeps it; `millstream check --machine` says what disturbs the tail"))
}

/// A run whose balance does not close is worth nothing, whatever its latency.
pub(super) fn judge_balance(summary: &Summary, config: &Config) -> Result<(), CliError> {
    if summary.balanced {
        return Ok(());
    }
    Err(
        CliError::new(Exit::Unbalanced, "the balance of the run does not close")
            .at(config.report.out.display().to_string())
            .expected("in + expanded = out + filtered + late + dead-letter + shed + in flight")
            .help("this is a defect of the engine: keep the report directory and report it"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::{Origin, Settings};
    use crate::latency::{Percentiles, new_histogram};

    fn summary() -> Summary {
        let latency_ns = Percentiles {
            count: 10_000,
            p99: Some(80_000),
            ..Default::default()
        };
        Summary {
            balanced: true,
            latency_ns,
            ..Default::default()
        }
    }

    fn config(goal: &str) -> Config {
        let mut settings = Settings::default();
        settings
            .lay_text("report.goal", goal, Origin::Flag("--goal"))
            .expect("a key");
        Config::read(settings).expect("a valid configuration")
    }

    fn exit(summary: &Summary, goal: &str) -> Exit {
        judge(summary, &config(goal)).unwrap_or_else(|error| error.exit())
    }

    #[test]
    fn goals_and_balance_decide_the_exit_code() {
        assert_eq!(exit(&summary(), "none"), Exit::Ok);
        assert_eq!(exit(&summary(), "p99=100us"), Exit::Ok);
        assert_eq!(exit(&summary(), "p99=50us"), Exit::GoalMissed);
        let unbalanced = Summary {
            balanced: false,
            ..summary()
        };
        assert_eq!(
            exit(&unbalanced, "p99=50us"),
            Exit::Unbalanced,
            "the balance comes first"
        );
    }

    #[test]
    fn a_run_leaves_the_configuration_that_repeats_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let out = dir.path().join("there");
        let mut settings = Settings::default();
        for assignment in [
            "seed=7",
            "report.goal=p99=50us",
            &format!("report.out={}", out.display()),
        ] {
            settings.lay_override(assignment).expect("a key");
        }
        let config = Config::read(settings).expect("a valid configuration");
        let report = Report {
            summary: summary(),
            latency: new_histogram(),
            service: new_histogram(),
            hiccups: new_histogram(),
            intervals: Vec::new(),
        };
        let global = GlobalArgs {
            quiet: true,
            ..GlobalArgs::default()
        };
        let error = conclude(&report, &config, &global).expect_err("80 us is above the goal");
        assert_eq!(error.exit(), Exit::GoalMissed);

        // A missed goal is a result: its report is there all the same.
        let written = std::fs::read_to_string(out.join("config.toml")).expect("it is there");
        let mut again = Settings::default();
        again
            .lay_file("config.toml", &written)
            .expect("its own output is valid");
        let again = Config::read(again).expect("valid");
        assert_eq!((again.seed, again.to_toml()), (7, written));
    }
}
