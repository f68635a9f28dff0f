//! `bench --kill-at`: how a run comes back after SIGKILL, measured from outside.
//!
//! ```text
//!   this process                 child: millstream run CONFIG, checkpoints in DIR
//!     start ───────────────────► runs anew
//!     after --kill-at: SIGKILL ─► ✕
//!     start again ─────────────► --restore latest: waits for the writer, reads, verifies, builds, goes on
//!     start a third ───────────► the same load without checkpoints and undisturbed, if events bound it
//!     compare: events before + after = all, digest = digest
//! ```
//!
//! The report directory has the report of the second run. The time to the first result is the child's own,
//! from the start of its command: that of the program's loading (about a millisecond) is not in it.

use super::args::GlobalArgs;
use super::config::Config;
use super::error::{CliError, Exit, note, print};
use super::report::print_json;
use crate::latency::Summary;
use crate::sys::quantity::{format_bytes, format_count, format_duration_ns, parse_duration_ns};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How often it is looked whether the run has ended before it was killed.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Recovery {
    /// From the start of the first run to its death.
    killed_after_ns: u64,
    /// The epoch that the second run went on from.
    restored_epoch: u64,
    restored_bytes: u64,
    /// Waiting for the writer, reading, verifying and building the state.
    restore_ns: u64,
    restore_bytes_per_s: f64,
    /// From the start of the second run to its first result; null if it had none.
    first_result_ns: Option<u64>,
    /// Newer epochs that were not whole.
    rejected: Vec<String>,
    /// Events up to the epoch, and those that the second run took in.
    events_before: u64,
    events_after: u64,
    /// Events of the load, if it is bounded by them.
    events_all: Option<u64>,
    digest: String,
    /// That of a run that was not disturbed; null where there is nothing to compare.
    digest_undisturbed: Option<String>,
    /// Whether events and digest are right; null where there is nothing to compare.
    equal: Option<bool>,
    /// Why there is nothing to compare; empty if there is.
    not_compared: String,
}

/// The configuration in a file, and where the reports go that nobody asked for.
struct Scratch {
    dir: tempfile::TempDir,
    config: PathBuf,
}

impl Scratch {
    fn new(config: &Config) -> Result<Self, CliError> {
        let make = || {
            let dir = tempfile::tempdir()?;
            let path = dir.path().join("config.toml");
            std::fs::write(&path, config.to_toml())?;
            Ok(Scratch { dir, config: path })
        };
        make().map_err(|error: std::io::Error| {
            CliError::failed(format!("cannot make a temporary directory: {error}"))
                .help("set TMPDIR to a directory that can be written")
        })
    }

    /// This executable, to run the configuration with `changes`, and its report to `out`.
    fn command(&self, out: &Path, changes: &[&str]) -> Result<Command, CliError> {
        let executable = std::env::current_exe().map_err(cannot_start)?;
        let mut command = Command::new(executable);
        command
            .arg("run")
            .arg(&self.config)
            .arg("--json")
            .arg("--out")
            .arg(out);
        for change in changes {
            command.args(["-C", change]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }
}

fn cannot_start(error: std::io::Error) -> CliError {
    CliError::failed(format!("cannot start the run in a process: {error}"))
}

pub(super) fn recovery(
    config: &Config,
    kill_at: &str,
    global: &GlobalArgs,
) -> Result<Exit, CliError> {
    let kill_at_ns = parse_duration_ns(kill_at).map_err(|error| {
        CliError::usage(format!("{kill_at:?}: {}", error.problem))
            .at("--kill-at")
            .expected("a duration with its unit, such as \"5s\"")
    })?;
    if config.checkpoint.dir.is_none() {
        return Err(
            CliError::usage("--kill-at leaves nothing to go on from without checkpoints")
                .expected("--checkpoint DIR"),
        );
    }
    let say = |what: &str| {
        if !global.quiet && !global.json {
            note(what);
        }
    };
    let scratch = Scratch::new(config)?;
    let after = format_duration_ns(kill_at_ns);
    say(&format!("run 1: to be killed after {after}"));
    // The letters of both runs are one history, in one file.
    let letters = config.failure.dead_letter(&config.report);
    let letters = format!("failure.dead_letter={}", letters.display());
    let killed_after_ns = kill_after(&scratch, Duration::from_nanos(kill_at_ns), &letters)?;
    say("run 2: goes on from the newest checkpoint");
    let restore = ["checkpoint.restore=latest"];
    let again = summary(scratch.command(&config.report.out, &restore)?)?;
    let undisturbed = match config.load.events {
        None => None,
        Some(_) => {
            say("run 3: the same load, undisturbed");
            let out = scratch.dir.path().join("undisturbed");
            let changes = [
                "checkpoint.dir=none",
                "checkpoint.restore=none",
                "failure.dead_letter=auto",
                "failure.dir=auto",
            ];
            Some(summary(scratch.command(&out, &changes)?)?)
        }
    };
    let found = judge(
        killed_after_ns,
        &again,
        undisturbed.as_ref(),
        config.load.events,
    )?;
    if global.json {
        print_json(&found)?;
    } else {
        print(&found.text())?;
        super::report::show_place(config, global)?;
    }
    Ok(if found.equal == Some(false) {
        Exit::Failed
    } else {
        Exit::Ok
    })
}

/// Starts the run anew and kills it; how long it lived.
fn kill_after(scratch: &Scratch, after: Duration, letters: &str) -> Result<u64, CliError> {
    let out = scratch.dir.path().join("killed");
    let mut command = scratch.command(&out, &["checkpoint.restore=none", letters])?;
    let started = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .spawn()
        .map_err(cannot_start)?;
    while started.elapsed() < after {
        if child.try_wait().map_err(cannot_start)?.is_some() {
            let output = child.wait_with_output().map_err(cannot_start)?;
            well(&output)?;
            return Err(CliError::failed(format!(
                "the run ended after {} and could not be killed",
                format_duration_ns(started.elapsed().as_nanos() as u64)
            ))
            .at("--kill-at")
            .help("kill it earlier, or give it a longer load"));
        }
        std::thread::sleep(LOOK_EVERY.min(after.saturating_sub(started.elapsed())));
    }
    child.kill().map_err(cannot_start)?;
    let lived_ns = started.elapsed().as_nanos() as u64;
    child.wait().map_err(cannot_start)?;
    Ok(lived_ns)
}

/// Says what a run that failed had to say.
fn well(output: &Output) -> Result<(), CliError> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().trim_start_matches("error: ");
    Err(CliError::failed(format!(
        "a run of --kill-at failed: {said}"
    )))
}

fn summary(mut command: Command) -> Result<Summary, CliError> {
    let output = command.output().map_err(cannot_start)?;
    well(&output)?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| CliError::failed(format!("a run of --kill-at left no summary: {error}")))
}

fn judge(
    killed_after_ns: u64,
    again: &Summary,
    undisturbed: Option<&Summary>,
    events_all: Option<u64>,
) -> Result<Recovery, CliError> {
    let made = again.checkpoints.as_ref();
    let restored = made.and_then(|made| made.restored.clone()).ok_or_else(|| {
        CliError::failed("the second run of --kill-at does not say what it went on from")
    })?;
    let complete = events_all.map(|all| restored.events + again.events_in == all);
    let same = undisturbed.map(|undisturbed| undisturbed.digest == again.digest);
    Ok(Recovery {
        killed_after_ns,
        restored_epoch: restored.epoch,
        restored_bytes: restored.bytes,
        restore_ns: restored.restore_ns,
        restore_bytes_per_s: restored.bytes_per_s,
        first_result_ns: again.first_result_ns,
        rejected: restored.rejected,
        events_before: restored.events,
        events_after: again.events_in,
        events_all,
        digest: again.digest.clone(),
        digest_undisturbed: undisturbed.map(|undisturbed| undisturbed.digest.clone()),
        equal: complete.zip(same).map(|(complete, same)| complete && same),
        not_compared: if events_all.is_some() {
            String::new()
        } else {
            "the load is bounded by time, which no two runs fill with the same events; give --events N".into()
        },
    })
}

impl Recovery {
    fn text(&self) -> String {
        let first = self
            .first_result_ns
            .map_or_else(|| "no result".into(), format_duration_ns);
        let mut text = format!(
            "killed after {}, restored epoch {}: {} in {} ({}/s)\n",
            format_duration_ns(self.killed_after_ns),
            self.restored_epoch,
            format_bytes(self.restored_bytes),
            format_duration_ns(self.restore_ns),
            format_bytes(self.restore_bytes_per_s as u64),
        );
        text += &format!("first result {first} after the restart\n");
        for rejected in &self.rejected {
            text += &format!("passed over: {rejected}\n");
        }
        text += &format!(
            "events before {} + after {} = {}",
            format_count(self.events_before),
            format_count(self.events_after),
            format_count(self.events_before + self.events_after),
        );
        text += &self
            .events_all
            .map_or(String::new(), |all| format!(" of {}", format_count(all)));
        text += &match (&self.equal, &self.digest_undisturbed) {
            (Some(true), _) => format!("\ndigest {}, as undisturbed\n", self.digest),
            (_, Some(undisturbed)) => format!(
                "\nNOT the answers of an undisturbed run: digest {}, undisturbed {undisturbed}\n",
                self.digest
            ),
            (_, None) => format!("\ndigest not compared: {}\n", self.not_compared),
        };
        text
    }
}
