//! The writer: takes the pieces of all parts, and makes an epoch of them that survives, or nothing.
//!
//! ```text
//!   part 0   Begin Block Block Extras End ─┐ all parts have ended            any error, any Abort
//!   part 1   Begin Block Extras Block End ─┤        │                               │
//!   part 2   Begin Extras End ─────────────┘        ▼                               ▼
//!   settle:  sync files ─ sync directory, if a file is new ─ manifest slot    the epoch is void; its
//!            ─ sync ─ read back ─► Durable; the first: older runs go          rotation file is bad for all
//! ```
//!
//! Owned by one thread; the only one that touches the files of a run. Generic over the disk, and every
//! operation on it follows from the pieces alone, in their order.
//!
//! Invariants
//! 1. The files of the two newest durable epochs are never written: an epoch aimed at one of them is void.
//! 2. `files[t]` is the durable epoch that rotation file `t` of *every* part holds, 0 from the first Begin
//!    that goes into it until the next durable epoch there.
//! 3. After an error a file, or the manifest, is used again only under a new inode.

use super::ROTATION;
use super::error::CheckpointError;
use super::layout::check_shape;
use super::manifest::Manifest;
use super::names::{run_of, stems};
use super::older::remove_older;
use super::part_file::PartFile;
use super::piece::{Piece, Settled};
use super::shape::Shape;
use super::slot::{Slot, SlotPart};
use crate::sys::disk::Disk;
use crate::sys::kill_point;
use std::io;
use std::path::PathBuf;

/// The rotation file that the next epoch goes into: the one whose epoch is oldest, or that holds none.
pub fn next_target(files: &[u64; ROTATION]) -> u8 {
    let oldest = (0..ROTATION).min_by_key(|target| files[*target]);
    oldest.unwrap_or(0) as u8
}

/// Where a part is within an epoch, in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Awaited,
    Begun,
    Done,
}

struct Part<D: Disk> {
    /// For messages.
    name: String,
    phase: Phase,
    /// So far: where they go is known at the end.
    extras: Vec<u8>,
    files: [PartFile<D>; ROTATION],
    slot: SlotPart,
}

/// The epoch being written.
struct Epoch {
    epoch: u64,
    target: usize,
    /// What its file held before.
    held: u64,
    /// Why nothing will come of it.
    void: Option<String>,
}

/// Writes the checkpoints of one run.
pub struct Writer<D: Disk> {
    disk: D,
    run_dir: PathBuf,
    run: u64,
    shape: Shape,
    parts: Vec<Part<D>>,
    files: [u64; ROTATION],
    manifest: Manifest<D>,
    /// The newest epoch that was begun, or the one before the first.
    newest: u64,
    open: Option<Epoch>,
    /// A piece without an epoch: it makes the next one void.
    stray: Option<String>,
    /// Older runs are gone, or why they are not.
    older: Option<Result<(), String>>,
}

impl<D: Disk> Writer<D> {
    /// Makes the directory of a run, `DIR/run-000001`, within `DIR` that is there, and its manifest. Part
    /// files are made when they are first written. Epochs count from `first_epoch`, which is at least 1.
    ///
    /// # Errors
    /// When the directory is none of a run, or cannot be made; when a part of `shape` fits no file.
    pub fn new(
        disk: D,
        run_dir: PathBuf,
        shape: Shape,
        first_epoch: u64,
    ) -> Result<Self, CheckpointError> {
        let name = run_dir.file_name().and_then(|name| name.to_str());
        let (Some(run), Some(dir)) = (name.and_then(run_of), run_dir.parent()) else {
            let wrong = io::Error::new(io::ErrorKind::InvalidInput, "its name is not run-NNNNNN");
            return Err(CheckpointError::io(&run_dir, "make a run of it")(wrong));
        };
        shape.parts.iter().try_for_each(check_shape)?;
        disk.create_dir(&run_dir)
            .map_err(CheckpointError::io(&run_dir, "make it"))?;
        let manifest = Manifest::create(&disk, run_dir.clone(), run, &shape)?;
        disk.sync_dir(dir)
            .map_err(CheckpointError::io(dir, "sync it"))?;
        kill_point::reach("run-created");
        let part = |(number, stem): (usize, String)| Part {
            phase: Phase::Awaited,
            extras: Vec::new(),
            files: std::array::from_fn(|target| {
                let path = run_dir.join(format!("{stem}.{target}"));
                PartFile::new(path, number as u32, run, shape.parts[number].block_bytes)
            }),
            slot: SlotPart::default(),
            name: stem,
        };
        Ok(Writer {
            parts: stems(&shape).into_iter().enumerate().map(part).collect(),
            disk,
            run,
            shape,
            files: [0; ROTATION],
            manifest,
            newest: first_epoch.max(1) - 1,
            open: None,
            stray: None,
            older: None,
            run_dir,
        })
    }

    /// Takes the next piece of a part. Never fails: what cannot be done makes the epoch void.
    pub fn take(&mut self, part: usize, piece: Piece<'_>) {
        if let Piece::Begin { epoch, target, .. } = piece
            && self.open.is_none()
        {
            self.open(epoch, usize::from(target));
        }
        let done = self.give(part, piece);
        match (&mut self.open, done) {
            (_, Ok(())) => {}
            (Some(open), Err(error)) => _ = open.void.get_or_insert_with(|| error.to_string()),
            (None, Err(error)) => _ = self.stray.get_or_insert_with(|| error.to_string()),
        }
    }

    /// Ends the epoch once every part has said End or Abort; None before, and while none was begun.
    pub fn settle(&mut self) -> Option<Settled> {
        let done = self.parts.iter().all(|part| part.phase == Phase::Done);
        let open = self.open.take_if(|_| done)?;
        let settled = match open.void {
            Some(reason) => Err(reason),
            None => self
                .make_durable(open.epoch, open.target)
                .map_err(|error| error.to_string()),
        };
        for part in &mut self.parts {
            part.phase = Phase::Awaited;
            part.extras = Vec::new();
        }
        let epoch = open.epoch;
        Some(match settled {
            Ok(bytes) => Settled::Durable { epoch, bytes },
            Err(reason) => Settled::Aborted { epoch, reason },
        })
    }

    /// Which durable epoch each rotation file holds for all parts; 0 for none, or one that cannot be relied
    /// on: what goes there next is written in full.
    pub fn files(&self) -> [u64; ROTATION] {
        self.files
    }

    /// Why older runs could not be removed, if that was tried and failed. It is tried again at every epoch.
    pub fn left_behind(&self) -> Option<&str> {
        self.older.as_ref()?.as_ref().err().map(String::as_str)
    }

    fn open(&mut self, epoch: u64, target: usize) {
        let mut newest = self.files;
        newest.sort_unstable();
        let held = self.files.get(target).copied();
        let void = match held {
            _ if self.stray.is_some() => self.stray.take(),
            _ if epoch <= self.newest => Some(format!(
                "it begins after epoch {}, which is not before it",
                self.newest
            )),
            None => Some(format!("it goes into rotation file {target} of {ROTATION}")),
            Some(held) if held > 0 && newest[ROTATION - 2..].contains(&held) => Some(format!(
                "it goes into rotation file {target}, which holds epoch {held}, one of the two newest durable ones"
            )),
            Some(_) => None,
        };
        if void.is_none() {
            self.files[target] = 0;
            self.newest = epoch;
        }
        self.open = Some(Epoch {
            epoch,
            target,
            held: held.unwrap_or(0),
            void: void.map(|what| CheckpointError::Order { epoch, what }.to_string()),
        });
    }

    fn give(&mut self, number: usize, piece: Piece<'_>) -> Result<(), CheckpointError> {
        let epoch = self.open.as_ref().map_or(0, |open| open.epoch);
        let wrong = |what: String| CheckpointError::Order { epoch, what };
        let parts = self.parts.len();
        let Some(part) = self.parts.get_mut(number) else {
            return Err(wrong(format!(
                "a piece of part {number}, where there are {parts}"
            )));
        };
        let Some(open) = &self.open else {
            return Err(wrong(format!(
                "a piece of part {} outside of any epoch",
                part.name
            )));
        };
        let expected = match piece {
            Piece::Begin { .. } => Phase::Awaited,
            _ => Phase::Begun,
        };
        if part.phase != expected {
            return Err(wrong(format!(
                "part {} was {:?} and sent {}",
                part.name,
                part.phase,
                name_of(&piece)
            )));
        }
        match piece {
            Piece::Begin { .. } => part.phase = Phase::Begun,
            Piece::End { .. } | Piece::Abort => part.phase = Phase::Done,
            Piece::Block { .. } | Piece::Extras { .. } => {}
        }
        if open.void.is_some() {
            return Ok(());
        }
        let file = &mut part.files[open.target];
        match piece {
            Piece::Begin {
                epoch: begun,
                target,
                since,
            } => {
                if begun != open.epoch || usize::from(target) != open.target {
                    return Err(wrong(format!(
                        "part {} began epoch {begun} into rotation file {target}, others epoch {} into {}",
                        part.name, open.epoch, open.target
                    )));
                }
                if since.is_some_and(|since| since != open.held || since == 0) {
                    return Err(wrong(format!(
                        "part {} sends what changed since epoch {}, but rotation file {target} holds {}",
                        part.name,
                        since.unwrap_or(0),
                        open.held
                    )));
                }
                file.begin(&self.disk, begun, since.is_none())?;
                kill_point::reach("begun");
            }
            Piece::Block { index, bytes } => {
                file.block(index, bytes)?;
                kill_point::reach("block-written");
            }
            Piece::Extras { bytes } => part.extras.extend_from_slice(bytes),
            Piece::End { blocks } => part.slot = file.end(blocks, &part.extras)?,
            Piece::Abort => {
                let part = part.name.clone();
                return Err(CheckpointError::GaveUp { epoch, part });
            }
        }
        Ok(())
    }

    /// Returns the bytes written for the epoch.
    fn make_durable(&mut self, epoch: u64, target: usize) -> Result<u64, CheckpointError> {
        for part in &mut self.parts {
            part.files[target].sync()?;
        }
        let mut files = self.parts.iter_mut().map(|part| &mut part.files[target]);
        if files.any(|file| file.is_unlisted()) {
            let synced = self.disk.sync_dir(&self.run_dir);
            for file in self.parts.iter_mut().flat_map(|part| &mut part.files) {
                file.listed(synced.is_ok());
            }
            synced.map_err(CheckpointError::io(&self.run_dir, "sync it"))?;
        }
        kill_point::reach("files-synced");
        let written = self
            .parts
            .iter()
            .map(|part| part.files[target].written_bytes());
        let slot = Slot {
            target: target as u8,
            run: self.run,
            epoch,
            wall_ms: self.disk.wall_ms(),
            written_bytes: written.sum(),
            shape: self.shape.clone(),
            parts: self.parts.iter().map(|part| part.slot).collect(),
        };
        let bytes = slot.written_bytes + self.manifest.write(&self.disk, &slot)?;
        self.files[target] = epoch;
        self.parts
            .iter_mut()
            .for_each(|part| part.files[target].keep());
        kill_point::reach("durable");
        if !matches!(self.older, Some(Ok(())))
            && let Some(dir) = self.run_dir.parent()
        {
            let removed = remove_older(&self.disk, dir, self.run);
            self.older = Some(removed.map(|_| ()).map_err(|error| error.to_string()));
        }
        Ok(bytes)
    }
}

fn name_of(piece: &Piece<'_>) -> &'static str {
    match piece {
        Piece::Begin { .. } => "Begin",
        Piece::Block { .. } => "Block",
        Piece::Extras { .. } => "Extras",
        Piece::End { .. } => "End",
        Piece::Abort => "Abort",
    }
}
