//! What a run's directory holds, as far as its manifest and the headers of its files tell.
//!
//! ```text
//!   manifest ─► slots, newest first ─► a newer one has the same rotation file?   Overwritten
//!                                      each part's header is the one it names?   Listed, else Damaged
//! ```
//!
//! Nothing is written here, and no block read.

use super::error::CheckpointError;
use super::layout::{Header, PAGE_BYTES, seal_of};
use super::names::{MANIFEST, run_name, stems};
use super::shape::Shape;
use super::slot::{ManifestHeader, SLOTS, Slot};
use crate::sys::disk::{Disk, DiskFile, Open};
use std::io;
use std::path::Path;

/// What is known of an epoch without reading its blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EpochState {
    /// Its slot is sound and its files' headers agree with it.
    Listed,
    /// It was durable; a later epoch, durable or not, has taken its files.
    Overwritten,
    /// It cannot be what was written.
    Damaged(String),
}

/// An epoch in a directory.
#[derive(Clone, Debug)]
pub struct ListedEpoch {
    /// What is known of it.
    pub state: EpochState,
    pub(super) slot: Slot,
}

impl ListedEpoch {
    /// The run that wrote it.
    pub fn run(&self) -> u64 {
        self.slot.run
    }

    /// Its number.
    pub fn epoch(&self) -> u64 {
        self.slot.epoch
    }

    /// When it became durable, ms since 1970 UTC; 0 if that was not known.
    pub fn wall_ms(&self) -> u64 {
        self.slot.wall_ms
    }

    /// Bytes that restoring it reads.
    pub fn bytes(&self) -> u64 {
        self.slot.parts.iter().map(|part| part.bytes).sum()
    }

    /// Bytes that were written for it.
    pub fn written_bytes(&self) -> u64 {
        self.slot.written_bytes
    }

    /// Its parts.
    pub fn shape(&self) -> &Shape {
        &self.slot.shape
    }
}

/// A run in a directory.
#[derive(Debug)]
pub struct ListedRun {
    /// Its number.
    pub run: u64,
    /// Its epochs, newest first; those that it never reached are not there.
    pub epochs: Vec<ListedEpoch>,
    /// Why its manifest, or one of its slots, cannot be read.
    pub damaged: Vec<String>,
    /// Its manifest is of a newer version: which.
    pub(super) newer: Option<u32>,
}

impl ListedRun {
    pub(super) fn may_hold_an_epoch(&self) -> bool {
        !self.epochs.is_empty() || !self.damaged.is_empty() || self.newer.is_some()
    }
}

/// What run `run` of the directory `dir` holds.
pub(super) fn list_run<D: Disk>(disk: &D, dir: &Path, run: u64) -> ListedRun {
    let run_dir = dir.join(run_name(run));
    let mut listed = ListedRun {
        run,
        epochs: Vec::new(),
        damaged: Vec::new(),
        newer: None,
    };
    if let Err(error) = list_epochs(disk, &run_dir, &mut listed) {
        listed.note(error);
    }
    listed
        .epochs
        .sort_by_key(|epoch| std::cmp::Reverse(epoch.epoch()));
    for at in 1..listed.epochs.len() {
        let (newer, rest) = listed.epochs.split_at_mut(at);
        if newer
            .iter()
            .any(|newer| newer.slot.target == rest[0].slot.target)
        {
            rest[0].state = EpochState::Overwritten;
        }
    }
    for epoch in listed
        .epochs
        .iter_mut()
        .filter(|epoch| epoch.state == EpochState::Listed)
    {
        epoch.state = headers_state(disk, &run_dir, &epoch.slot);
    }
    listed
}

impl ListedRun {
    fn note(&mut self, error: CheckpointError) {
        if let CheckpointError::Newer { found, .. } = error {
            self.newer = Some(found);
        }
        self.damaged.push(error.to_string());
    }
}

fn list_epochs<D: Disk>(
    disk: &D,
    run_dir: &Path,
    listed: &mut ListedRun,
) -> Result<(), CheckpointError> {
    let path = run_dir.join(MANIFEST);
    let file = match disk.open(&path, Open::Read) {
        Ok(file) => file,
        // It was killed while it began, or while it was being removed: there never was an epoch to restore,
        // or there is a newer one.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(CheckpointError::io(&path, "open it")(error)),
    };
    let header = read_header(&file, &path)?;
    if header.run != listed.run {
        return Err(CheckpointError::corrupt(
            &path,
            "the run in the header",
            16,
            header.run.to_string(),
            listed.run.to_string(),
        ));
    }
    for slot in 0..SLOTS {
        let offset = header.slot_offset(slot);
        let read = read_bytes(&file, &path, offset, header.slot_bytes as usize)
            .and_then(|bytes| Slot::read(&bytes, offset, &path));
        match read {
            Ok(slot) if slot.run != header.run => {
                let (found, expected) = (slot.run.to_string(), header.run.to_string());
                let what = "the run in the slot";
                listed.note(CheckpointError::corrupt(
                    &path,
                    what,
                    offset + 16,
                    found,
                    expected,
                ));
            }
            Ok(slot) if slot.epoch == 0 => {}
            Ok(slot) => listed.epochs.push(ListedEpoch {
                state: EpochState::Listed,
                slot,
            }),
            Err(error) => listed.note(error),
        }
    }
    Ok(())
}

/// The header, or its copy.
fn read_header<F: DiskFile>(file: &F, path: &Path) -> Result<ManifestHeader, CheckpointError> {
    let read = |offset: u64| {
        let page = read_bytes(file, path, offset, PAGE_BYTES)?;
        ManifestHeader::read(&page, offset, path)
    };
    read(0).or_else(|error| match error {
        CheckpointError::Newer { .. } => Err(error),
        _ => read(PAGE_BYTES as u64).map_err(|_| error),
    })
}

/// Whether the files' headers are those that the slot names.
fn headers_state<D: Disk>(disk: &D, run_dir: &Path, slot: &Slot) -> EpochState {
    for (stem, part) in stems(&slot.shape).into_iter().zip(&slot.parts) {
        let path = run_dir.join(format!("{stem}.{}", slot.target));
        let page = disk
            .open(&path, Open::Read)
            .map_err(CheckpointError::io(&path, "open it"))
            .and_then(|file| read_bytes(&file, &path, 0, PAGE_BYTES));
        let header = page.and_then(|page| Ok((Header::read(&page, &path)?, seal_of(&page))));
        match header {
            Ok((_, crc)) if crc == part.header_crc => {}
            Ok((header, _)) if header.run == slot.run && header.epoch > slot.epoch => {
                return EpochState::Overwritten;
            }
            Ok((header, _)) => {
                let found = format!("of epoch {} of run {}", header.epoch, header.run);
                let expected = format!("of epoch {} of run {}", slot.epoch, slot.run);
                let error = CheckpointError::corrupt(&path, "the header", 0, found, expected);
                return EpochState::Damaged(error.to_string());
            }
            Err(error) => return EpochState::Damaged(error.to_string()),
        }
    }
    EpochState::Listed
}

/// `count` bytes of `file` at `offset`. Memory is asked for once the file is known to be that long.
pub(super) fn read_bytes<F: DiskFile>(
    file: &F,
    path: &Path,
    offset: u64,
    count: usize,
) -> Result<Vec<u8>, CheckpointError> {
    let len = file
        .len()
        .map_err(CheckpointError::io(path, "see its length"))?;
    if offset + count as u64 > len {
        return Err(CheckpointError::corrupt(
            path,
            "the end of the file",
            len,
            format!("there, at {len} bytes"),
            format!("at byte {} or behind", offset + count as u64),
        ));
    }
    let mut bytes = vec![0; count];
    file.read_at(&mut bytes, offset)
        .map_err(CheckpointError::io(
            path,
            format!("read {count} bytes at byte {offset}"),
        ))?;
    Ok(bytes)
}
