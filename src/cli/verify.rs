//! `verify RUN_DIR`: repeats a run from what it left, and compares the answers.
//!
//! ```text
//!   RUN_DIR/summary.json ─► can it be verified? what it answered ───────────────┐
//!          /config.toml  ─► the same source, application, order, partitions     ├─► equal?
//!                           at full speed, results nowhere, files in a          │
//!                           temporary directory ─► run_job ─► what it answers ──┘
//! ```
//!
//! Nothing of the run is written to. It starts at the beginning of the trace or load, or with `--from` at one of
//! the run's checkpoints, whose directory is then only read and not locked.

use super::args::{GlobalArgs, VerifyArgs};
use super::config::choice::Order;
use super::config::{App, Config, ConfigError, Origin, Settings};
use super::error::{CliError, Exit, print};
use super::identity::identity;
use super::job::run_job;
use super::progress::Progress;
use super::report::print_json;
use crate::latency::{Summary, TraceIdentity, read_summary};
use serde::Serialize;
use std::path::Path;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Verdict {
    equal: bool,
    /// What is not equal: the digest, or a count.
    differences: Vec<Difference>,
    digest: String,
    events: u64,
    order: String,
    cores: usize,
    partitions: u32,
    elapsed_ns: u64,
    throughput_events_per_s: f64,
}

#[derive(Debug, Serialize)]
struct Difference {
    what: &'static str,
    recorded: String,
    replayed: String,
}

pub(super) fn verify(args: &VerifyArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let recorded = read_summary(&args.dir)
        .map_err(|error| refuse(error.to_string(), "name the directory of a run's report"))?;
    let scratch = tempfile::tempdir().map_err(|error| {
        CliError::failed(format!("cannot make a temporary directory: {error}"))
            .help("set TMPDIR to a directory that can be written")
    })?;
    let config = repeat(args, global, &recorded, scratch.path())?;
    require_order(&config, &recorded)?;
    require_trace(&config, &recorded)?;
    let progress = Progress::new(config.repeats, !global.quiet && !global.json);
    let report = run_job(&config, &mut |update| progress.set(update));
    progress.finish();
    let replayed = report?.summary;
    let verdict = judge(&recorded, &replayed);
    if global.json {
        print_json(&verdict)?;
    } else if !global.quiet || !verdict.equal {
        print(&in_words(&verdict, &args.dir))?;
    }
    Ok(if verdict.equal {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

/// The configuration that repeats a run: its own, but at full speed and with nothing of it overwritten.
fn repeat(
    args: &VerifyArgs,
    global: &GlobalArgs,
    recorded: &Summary,
    scratch: &Path,
) -> Result<Config, CliError> {
    let path = args.dir.join("config.toml");
    let name = path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|error| ConfigError::Unreadable {
        file: name.clone(),
        what: error.to_string(),
    })?;
    let mut settings = Settings::default();
    settings.lay_file(&name, &text)?;
    let Some(partitions) = partitions(recorded) else {
        return Err(refuse(
            format!(
                "{} does not say how many partitions ran",
                args.dir.display()
            ),
            "only runs of `run`, `replay` and `bench` can be verified",
        ));
    };
    let cores = recorded.cores.len().max(1).to_string();
    let scratch = scratch.display().to_string();
    let partitions = partitions.to_string();
    let mut changes = vec![
        ("report.out", scratch.as_str()),
        ("report.goal", "none"),
        ("sink.kind", "discard"),
        ("source.labels", "none"),
        ("source.dead_letter", "auto"),
        ("failure.dead_letter", "auto"),
        ("failure.dir", "auto"),
        ("state.dir", "auto"),
        ("ctl.socket", "none"),
        ("runtime.place", "auto"),
        ("pace.speed", "max"),
        ("pace.rate", "none"),
        ("runtime.partitions", partitions.as_str()),
        ("runtime.cores", cores.as_str()),
        ("checkpoint.restore", args.from.as_deref().unwrap_or("none")),
    ];
    if args.from.is_none() {
        changes.push(("checkpoint.dir", "none"));
    } else if recorded.checkpoints.is_none() {
        return Err(refuse(
            format!("{} made no checkpoints", args.dir.display()),
            "leave out --from to repeat it from the beginning",
        ));
    }
    changes.extend(
        args.cores
            .iter()
            .map(|cores| ("runtime.cores", cores.as_str())),
    );
    for (key, value) in changes {
        settings.lay_text(key, value, Origin::Command("verify"))?;
    }
    for assignment in &global.overrides {
        settings.lay_override(assignment)?;
    }
    let mut config = Config::read(settings)?;
    // Where a checkpoint is taken up, that many events were offered before.
    config.repeats = Some(before(recorded) + offered(recorded));
    Ok(config)
}

/// Partitions of the keyed stages.
fn partitions(recorded: &Summary) -> Option<u32> {
    recorded.stages.get(1).map(|stage| stage.partitions)
}

/// Events that the source offered: without bad and late records.
fn offered(summary: &Summary) -> u64 {
    summary.stages.first().map_or(0, |stage| stage.events_in)
}

/// Events that runs before this one had offered, where it went on from their checkpoint.
fn before(summary: &Summary) -> u64 {
    let made = summary.checkpoints.as_ref();
    let restored = made.and_then(|made| made.restored.as_ref());
    restored.map_or(0, |restored| restored.events)
}

/// Refuses a run whose answers depended on chance.
fn require_order(config: &Config, recorded: &Summary) -> Result<(), CliError> {
    if recorded.digest.is_empty() {
        return Err(refuse(
            "the run left no digest of its answers".into(),
            "repeat it with this version",
        ));
    }
    // With one partition and all state in memory there is one input and nothing to overtake.
    let single = partitions(recorded) == Some(1) && config.state.memory_bytes.is_none();
    let by_chance = config.app == App::Recommend && !single;
    if config.runtime.order == Order::Deterministic || !by_chance {
        return Ok(());
    }
    Err(refuse(
        "the answers of this run depend on the order in which events arrived, which nobody can repeat".into(),
        "run it with --order deterministic, then verify that",
    )
    .at("runtime.order = \"arrival\""))
}

/// Refuses a trace that is not the one that was read.
fn require_trace(config: &Config, recorded: &Summary) -> Result<(), CliError> {
    let Some(before) = &recorded.trace else {
        if config.source.kind == super::config::choice::SourceKind::Load {
            return Ok(());
        }
        return Err(refuse(
            "the run read a pipe, or its report does not say which file".into(),
            "run it again from a file, then verify that",
        ));
    };
    let path = &config.source.trace;
    let now = identity(path, !before.xxh3.is_empty())
        .ok()
        .flatten()
        .ok_or_else(|| {
            refuse(
                format!("the trace {} cannot be read", path.display()),
                "start in the directory where the run was started, or say where it is now: -C source.trace=FILE",
            )
        })?;
    let what = match changed(before, &now) {
        None => return Ok(()),
        Some(what) => what,
    };
    Err(refuse(
        format!(
            "{} is not the file that the run read: {what}",
            path.display()
        ),
        "give the original with -C source.trace=FILE, or run it again",
    ))
}

/// What shows that a file is another; `None` if nothing does.
fn changed(before: &TraceIdentity, now: &TraceIdentity) -> Option<String> {
    if before.bytes != now.bytes {
        return Some(format!("{} bytes, then {}", now.bytes, before.bytes));
    }
    if !before.xxh3.is_empty() {
        return (before.xxh3 != now.xxh3)
            .then(|| format!("XXH3 {}, then {}", now.xxh3, before.xxh3));
    }
    (before.modified_ns != now.modified_ns).then(|| "it has been written to since".into())
}

fn judge(recorded: &Summary, replayed: &Summary) -> Verdict {
    let mut differences = Vec::new();
    let mut compare = |what, recorded: String, replayed: String| {
        if recorded != replayed {
            differences.push(Difference {
                what,
                recorded,
                replayed,
            });
        }
    };
    compare("digest", recorded.digest.clone(), replayed.digest.clone());
    let events = |summary: &Summary| (before(summary) + offered(summary)).to_string();
    compare("events offered", events(recorded), events(replayed));
    // What was counted before a checkpoint is in the report of the run that made it.
    let same_start = before(recorded) == before(replayed);
    for (what, count) in COUNTS.into_iter().filter(|_| same_start) {
        compare(
            what,
            count(recorded).to_string(),
            count(replayed).to_string(),
        );
    }
    Verdict {
        equal: differences.is_empty(),
        differences,
        digest: replayed.digest.clone(),
        events: offered(replayed),
        order: replayed.order.clone(),
        cores: replayed.cores.len(),
        partitions: partitions(replayed).unwrap_or(0),
        elapsed_ns: replayed.elapsed_ns,
        throughput_events_per_s: replayed.throughput_events_per_s,
    }
}

type Count = fn(&Summary) -> u64;

/// What must be equal beside the digest. Bad and late records are left out: a run that was interrupted may
/// have read further than it offered.
const COUNTS: [(&str, Count); 3] = [
    ("events_out", |summary| summary.events_out),
    ("events_filtered", |summary| summary.events_filtered),
    ("events_expanded", |summary| summary.events_expanded),
];

fn in_words(verdict: &Verdict, dir: &Path) -> String {
    let dir = dir.display();
    let how = format!(
        "{} events in {} order, {} cores, {} partitions, {:.2} s",
        verdict.events,
        verdict.order,
        verdict.cores,
        verdict.partitions,
        verdict.elapsed_ns as f64 / 1e9
    );
    if verdict.equal {
        return format!(
            "{dir}: verified, digest {} again\n  {how}\n",
            verdict.digest
        );
    }
    let mut text = format!("{dir}: NOT the same answers\n  {how}\n");
    for Difference {
        what,
        recorded,
        replayed,
    } in &verdict.differences
    {
        text += &format!("  {what}: recorded {recorded}, replayed {replayed}\n");
    }
    text
}

/// A run that cannot be verified.
fn refuse(what: String, help: &str) -> CliError {
    CliError::usage(format!("cannot verify: {what}")).help(help)
}
