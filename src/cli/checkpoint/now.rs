//! `checkpoint now`: asks the run that holds a directory for a checkpoint, and waits until it is durable.
//!
//! ```text
//!   DIR/lock ─► pid: has it the lock open, does it listen to SIGUSR1?
//!     SIGUSR1 ─► a newer epoch in the manifest      its barrier may have been before the signal
//!     SIGUSR1 ─► a newer one still                  its barrier came after the first signal: that is the answer
//! ```

use super::super::args::{CheckpointNowArgs, GlobalArgs};
use super::super::error::{CliError, Exit, print};
use super::super::report::print_json;
use super::{ListedEpoch, open, when};
use crate::checkpoint::holder;
use crate::sys::quantity::{format_bytes, parse_duration_ns};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the manifest is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Number of SIGUSR1 in the mask of caught signals, from 0.
const USR1_BIT: u32 = 9;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Made {
    pid: u32,
    run: u64,
    epoch: u64,
    durable_at: String,
    state_bytes: u64,
    /// From the first signal to the look that found it.
    waited_ns: u64,
}

pub(in crate::cli) fn now(args: &CheckpointNowArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let wait_ns = parse_duration_ns(&args.wait).map_err(|error| {
        CliError::usage(format!("{:?}: {}", args.wait, error.problem))
            .at("--wait")
            .expected("a duration with its unit, such as \"10s\"")
    })?;
    let pid = listener(&args.dir)?;
    let asked = Instant::now();
    let until = asked + Duration::from_nanos(wait_ns);
    let mut epoch = newest(&args.dir).map_or(0, |epoch| epoch.epoch());
    let mut found = None;
    for _ in 0..2 {
        if kill_process(pid, Signal::USR1).is_err() {
            break;
        }
        let newer = newer(&args.dir, epoch, until)?;
        let Some(newer) = newer else { break };
        epoch = newer.epoch();
        found = Some(newer);
    }
    // A run that ends meanwhile leaves the checkpoint of its end, which is as good as any.
    let Some(found) = found else {
        return Err(CliError::failed(format!(
            "the run with pid {pid} ended before it had made a checkpoint"
        ))
        .at(args.dir.display().to_string())
        .help("`millstream checkpoint ls DIR` lists what it left"));
    };
    let made = Made {
        pid: pid.as_raw_nonzero().get() as u32,
        run: found.run(),
        epoch,
        durable_at: when(found.wall_ms()),
        state_bytes: found.bytes(),
        waited_ns: asked.elapsed().as_nanos() as u64,
    };
    if global.json {
        print_json(&made)?;
    } else {
        print(&format!(
            "epoch {} of run {} is durable: {} after {:.1} ms\n",
            made.epoch,
            made.run,
            format_bytes(made.state_bytes),
            made.waited_ns as f64 / 1e6
        ))?;
    }
    Ok(Exit::Ok)
}

/// The process that holds `dir`, if it is one that makes checkpoints when it is told to.
fn listener(dir: &Path) -> Result<Pid, CliError> {
    let at = dir.display().to_string();
    let Some(written) = holder(dir)? else {
        return Err(CliError::failed(
            "no run uses this directory, so nobody can make a checkpoint",
        )
        .at(at)
        .help("check the path: it is the checkpoint.dir of a run that goes on"));
    };
    let pid = written.parse().ok().and_then(Pid::from_raw);
    // A writer holds the lock of an engine that has died, whose pid may be another process by now.
    let pid = pid.filter(|pid| has_open(*pid, &dir.join("lock")));
    let Some(pid) = pid else {
        return Err(CliError::failed(format!(
            "the run with pid {written:?} is gone, or another user's; its writer may be finishing the last epoch"
        ))
        .at(at)
        .help("start it again with --restore latest"));
    };
    if !listens(pid) {
        return Err(CliError::failed(format!(
            "the process with pid {pid} does not listen to SIGUSR1, which would end it"
        ))
        .at(at)
        .help("set CheckpointOptions::request where that program has a flag for it"));
    }
    Ok(pid)
}

/// Whether the process has the file open.
fn has_open(pid: Pid, path: &Path) -> bool {
    let Ok(wanted) = path.metadata() else {
        return false;
    };
    let Ok(open) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    open.flatten().any(|entry| {
        let found = std::fs::metadata(entry.path());
        found.is_ok_and(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
    })
}

/// Whether the process catches SIGUSR1.
fn listens(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> USR1_BIT & 1 == 1)
}

/// The number of the newest epoch there is.
pub(in crate::cli) fn newest_epoch(dir: &Path) -> Option<u64> {
    newest(dir).map(|epoch| epoch.epoch())
}

/// The newest epoch there is, as far as the manifests tell.
fn newest(dir: &Path) -> Option<ListedEpoch> {
    // Listing may fail for a moment, while a run replaces another.
    let directory = open(dir).ok()?;
    let epochs = directory.runs().iter().flat_map(|run| &run.epochs);
    epochs.max_by_key(|epoch| epoch.epoch()).cloned()
}

/// Waits for an epoch after `epoch`; `None` if the run ends before.
fn newer(dir: &Path, epoch: u64, until: Instant) -> Result<Option<ListedEpoch>, CliError> {
    loop {
        let held = holder(dir)?.is_some();
        if let Some(newer) = newest(dir).filter(|newest| newest.epoch() > epoch) {
            return Ok(Some(newer));
        }
        if !held {
            return Ok(None);
        }
        if Instant::now() >= until {
            return Err(CliError::failed("the run has made no checkpoint in time")
                .at(dir.display().to_string())
                .help("wait longer with --wait; its report says how many were aborted, and why"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
