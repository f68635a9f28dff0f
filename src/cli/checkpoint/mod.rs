//! `checkpoint ls|inspect|verify|export|now`. Reads only; a run may go on meanwhile.

mod export;
mod now;

pub(super) use now::{newest_epoch as newest, now};

use super::args::{
    CheckpointCommand, CheckpointInspectArgs, CheckpointLsArgs, CheckpointVerifyArgs, GlobalArgs,
};
use super::error::{CliError, Exit, note, print};
use super::report::print_json;
use crate::checkpoint::{
    CheckpointError, Directory, EpochState, Kind, ListedEpoch, PartShape, Snapshot, Wanted,
};
use crate::sys::quantity::{format_bytes, format_count};
use crate::sys::real_disk::RealDisk;
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

pub(super) fn checkpoint(
    command: &CheckpointCommand,
    global: &GlobalArgs,
) -> Result<Exit, CliError> {
    match command {
        CheckpointCommand::Ls(args) => ls(args, global),
        CheckpointCommand::Inspect(args) => inspect(args, global),
        CheckpointCommand::Verify(args) => verify(args, global),
        CheckpointCommand::Export(args) => export::export(args, global),
        CheckpointCommand::Now(args) => now(args, global),
    }
}

/// An epoch as it is listed.
#[derive(Debug, Serialize)]
struct EpochLine {
    run: u64,
    epoch: u64,
    /// RFC 3339, UTC.
    durable_at: String,
    state_bytes: u64,
    written_bytes: u64,
    parts: usize,
    /// `listed`, `valid`, `overwritten` or `damaged`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A run whose manifest, or a slot of it, cannot be read.
#[derive(Debug, Serialize)]
struct DamagedLine {
    run: u64,
    reason: String,
}

/// What a directory holds.
#[derive(Debug, Serialize)]
struct Listing {
    epochs: Vec<EpochLine>,
    damaged: Vec<DamagedLine>,
}

impl EpochLine {
    fn of(epoch: &ListedEpoch) -> Self {
        let (state, reason) = match &epoch.state {
            EpochState::Listed => ("listed", None),
            EpochState::Overwritten => ("overwritten", None),
            EpochState::Damaged(reason) => ("damaged", Some(reason.clone())),
        };
        EpochLine {
            run: epoch.run(),
            epoch: epoch.epoch(),
            durable_at: when(epoch.wall_ms()),
            state_bytes: epoch.bytes(),
            written_bytes: epoch.written_bytes(),
            parts: epoch.shape().parts.len(),
            state,
            reason,
        }
    }
}

impl Listing {
    fn text(&self) -> String {
        let mut text = format!(
            "{:>5} {:>8}  {:<20} {:>10} {:>10} {:>6}  state\n",
            "run", "epoch", "durable at", "holds", "written", "parts"
        );
        for line in &self.epochs {
            text += &format!(
                "{:>5} {:>8}  {:<20} {:>10} {:>10} {:>6}  {}{}\n",
                line.run,
                line.epoch,
                line.durable_at,
                format_bytes(line.state_bytes),
                format_bytes(line.written_bytes),
                line.parts,
                line.state,
                line.reason
                    .as_ref()
                    .map_or(String::new(), |reason| format!(": {reason}"))
            );
        }
        for line in &self.damaged {
            text += &format!("{:>5}  damaged: {}\n", line.run, line.reason);
        }
        text
    }
}

fn open(dir: &Path) -> Result<Directory<RealDisk>, CliError> {
    Ok(Directory::open(RealDisk::plain(), dir)?)
}

fn wanted(epoch: Option<u64>) -> Wanted {
    epoch.map_or(Wanted::Latest, Wanted::Epoch)
}

/// The snapshot that is wanted, verified on all CPUs; says what was passed over.
fn snapshot(dir: &Path, epoch: Option<u64>) -> Result<Snapshot<RealDisk>, CliError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (snapshot, rejected) = open(dir)?.snapshot_on(threads, wanted(epoch))?;
    for rejected in &rejected {
        note(&format!("warning: passed over {rejected}"));
    }
    Ok(snapshot)
}

/// RFC 3339 to the second; empty if it is not known.
fn when(wall_ms: u64) -> String {
    match UNIX_EPOCH.checked_add(Duration::from_millis(wall_ms)) {
        // 253402300799 s is the end of the year 9999, the last that can be written so.
        Some(at) if wall_ms > 0 && wall_ms < 253_402_300_799_000 => {
            humantime::format_rfc3339_seconds(at).to_string()
        }
        _ => String::new(),
    }
}

fn listing(directory: &Directory<RealDisk>) -> Listing {
    let runs = directory.runs();
    let damaged = runs.iter().flat_map(|run| {
        run.damaged.iter().map(|reason| DamagedLine {
            run: run.run,
            reason: reason.clone(),
        })
    });
    Listing {
        epochs: runs
            .iter()
            .flat_map(|run| &run.epochs)
            .map(EpochLine::of)
            .collect(),
        damaged: damaged.collect(),
    }
}

fn show(listing: &Listing, global: &GlobalArgs) -> Result<(), CliError> {
    if global.json {
        print_json(listing)
    } else {
        print(&listing.text())
    }
}

fn ls(args: &CheckpointLsArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    show(&listing(&open(&args.dir)?), global)?;
    Ok(Exit::Ok)
}

fn verify(args: &CheckpointVerifyArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let directory = open(&args.dir)?;
    let mut listing = listing(&directory);
    if let Some(epoch) = args.epoch {
        listing.epochs.retain(|line| line.epoch == epoch);
        listing.damaged.clear();
    }
    if listing.epochs.is_empty() && listing.damaged.is_empty() {
        // Says which epochs there are, or that there are none.
        directory.snapshot(wanted(args.epoch))?;
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let epochs = directory.runs().iter().flat_map(|run| &run.epochs);
    let wanted = epochs.filter(|epoch| args.epoch.is_none_or(|wanted| wanted == epoch.epoch()));
    for (line, epoch) in listing.epochs.iter_mut().zip(wanted) {
        if line.state == "listed" {
            (line.state, line.reason) = match directory.verify_on(threads, epoch) {
                Ok(_) => ("valid", None),
                Err(error) => ("damaged", Some(error.to_string())),
            };
        }
    }
    show(&listing, global)?;
    let damaged = listing.epochs.iter().any(|line| line.state == "damaged");
    let gone = args.epoch.is_some() && listing.epochs.iter().all(|line| line.state != "valid");
    Ok(if damaged || gone || !listing.damaged.is_empty() {
        Exit::Failed
    } else {
        Exit::Ok
    })
}

/// A part of an epoch.
#[derive(Debug, Serialize)]
struct PartLine {
    part: String,
    kind: Kind,
    stage_index: u32,
    partition: u32,
    partitions: u32,
    scheme: String,
    entries: u64,
    entry_bytes: u32,
    blocks: u64,
    block_bytes: u32,
    extras_bytes: u64,
}

/// An epoch in full.
#[derive(Debug, Serialize)]
struct Inspection {
    run: u64,
    epoch: u64,
    durable_at: String,
    flow: String,
    seed: u64,
    bytes: u64,
    parts: Vec<PartLine>,
}

fn part_name(part: &PartShape) -> String {
    let cold = if part.kind == Kind::Log { "-cold" } else { "" };
    format!("{}-{}{cold}", part.name, part.partition)
}

fn inspect(args: &CheckpointInspectArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let snapshot = snapshot(&args.dir, args.epoch)?;
    let mut parts = Vec::new();
    for (number, part) in snapshot.shape.parts.iter().enumerate() {
        let mut entries = 0;
        snapshot.entries(number, |_| entries += 1)?;
        parts.push(PartLine {
            part: part_name(part),
            kind: part.kind,
            stage_index: part.stage_index,
            partition: part.partition,
            partitions: part.partitions,
            scheme: part.scheme.clone(),
            entries,
            entry_bytes: part.entry_bytes,
            blocks: snapshot.block_count(number),
            block_bytes: part.block_bytes,
            extras_bytes: snapshot.extras_bytes(number),
        });
    }
    let found = Inspection {
        run: snapshot.run,
        epoch: snapshot.epoch,
        durable_at: when(snapshot.wall_ms),
        flow: snapshot.shape.flow.clone(),
        seed: snapshot.shape.seed,
        bytes: snapshot.bytes(),
        parts,
    };
    if global.json {
        print_json(&found)?;
    } else {
        print(&found.text())?;
    }
    Ok(Exit::Ok)
}

impl Inspection {
    fn text(&self) -> String {
        let mut text = format!(
            "epoch {} of run {}, flow {}, seed {}, durable at {}: {} verified\n{:<24} {:>9} {:>10} {:>8} {:>10}  keys by\n",
            self.epoch,
            self.run,
            self.flow,
            self.seed,
            if self.durable_at.is_empty() {
                "an unknown time"
            } else {
                &self.durable_at
            },
            format_bytes(self.bytes),
            "part",
            "entries",
            "blocks",
            "B each",
            "extras"
        );
        for part in &self.parts {
            text += &format!(
                "{:<24} {:>9} {:>10} {:>8} {:>10}  {}\n",
                part.part,
                format_count(part.entries),
                part.blocks,
                part.block_bytes,
                format_bytes(part.extras_bytes),
                part.scheme
            );
        }
        text
    }
}

impl From<CheckpointError> for CliError {
    fn from(error: CheckpointError) -> CliError {
        CliError::failed(error.to_string())
    }
}

/// Names of the parts of a snapshot that have entries, or of their stages, for messages.
fn known(snapshot: &Snapshot<RealDisk>, name: impl Fn(&PartShape) -> String) -> String {
    let parts = snapshot.shape.parts.iter();
    let mut names: Vec<String> = parts
        .filter(|part| part.entry_bytes > 0)
        .map(name)
        .collect();
    names.dedup();
    match names.as_slice() {
        [] => "none: the flow has no keyed state".into(),
        many => format!("one of {}", many.join(", ")),
    }
}
