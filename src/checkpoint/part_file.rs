//! One rotation file of one part, as its writer sees it.
//!
//! ```text
//!   begin ─► block, block, … ─► end: zero what must read as zero ─► extras ─► index ─► header ─► sync ─► keep
//!              each in its place       (places that extras, or an epoch that came to nothing, left behind)
//! ```
//!
//! Owned by the writer. What stands where is remembered here (checksum of each place, whether it may be
//! other than zero) and never read back: a file lives as long as its run.
//!
//! Invariant: `held[p]` is true if place `p` of the file may hold anything but zeros. A file that failed in
//! any way is removed and made anew, under a new inode, before it is used again.

use super::error::CheckpointError;
use super::layout::{
    GROUP_PLACES, Header, PAGE_BYTES, PLACES_MAX, Places, index_offset, place_offset,
};
use super::slot::SlotPart;
use crate::sys::disk::{Disk, DiskFile, Open};
use crate::sys::kill_point;
use std::io;
use std::path::PathBuf;

/// Least and most room taken from the disk at once; between them an eighth of what is needed.
const STEP_BYTES_MIN: u64 = 16 << 10;
const STEP_BYTES_MAX: u64 = 64 << 20;

pub(super) struct PartFile<D: Disk> {
    path: PathBuf,
    part: u32,
    run: u64,
    block_bytes: u32,
    /// Checksum of a block of zeros.
    zero_crc: u32,
    file: Option<D::File>,
    /// It failed: what is in it, and what a sync of it says, means nothing any more.
    failed: bool,
    /// Its name is not known to be safe.
    unlisted: bool,
    /// Bytes taken from the disk.
    len: u64,
    /// Of each place.
    crcs: Vec<u32>,
    held: Vec<bool>,
    /// The epoch in which it was last written.
    sent: Vec<u64>,
    /// Blocks of entries in the durable epoch that it holds; 0 without one.
    kept_blocks: u64,
    /// Being written.
    epoch: u64,
    full: bool,
    /// First place behind the blocks that were sent.
    sent_end: u64,
    ended: Option<Places>,
    written_bytes: u64,
}

impl<D: Disk> PartFile<D> {
    pub(super) fn new(path: PathBuf, part: u32, run: u64, block_bytes: u32) -> Self {
        PartFile {
            path,
            part,
            run,
            block_bytes,
            zero_crc: crc32c::crc32c(&vec![0; block_bytes as usize]),
            file: None,
            failed: false,
            unlisted: false,
            len: 0,
            crcs: Vec::new(),
            held: Vec::new(),
            sent: Vec::new(),
            kept_blocks: 0,
            epoch: 0,
            full: true,
            sent_end: 0,
            ended: None,
            written_bytes: 0,
        }
    }

    /// Begins to write `epoch` into it; `full` if nothing that it holds may stay.
    pub(super) fn begin(
        &mut self,
        disk: &D,
        epoch: u64,
        full: bool,
    ) -> Result<(), CheckpointError> {
        (self.epoch, self.full) = (epoch, full);
        (self.sent_end, self.written_bytes, self.ended) = (0, 0, None);
        if self.failed {
            self.file = None;
            match disk.remove(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(CheckpointError::io(&self.path, "remove it after an error")(
                        error,
                    ));
                }
                _ => {}
            }
        }
        if self.file.is_none() {
            let made = disk.open(&self.path, Open::Create);
            self.file = Some(made.map_err(CheckpointError::io(&self.path, "make it"))?);
            self.unlisted = true;
            (self.len, self.kept_blocks, self.full) = (0, 0, true);
            self.crcs.clear();
            self.held.clear();
            self.sent.clear();
            if std::mem::take(&mut self.failed) {
                kill_point::reach("file-recreated");
            }
        }
        Ok(())
    }

    /// Puts a block of entries in its place.
    pub(super) fn block(&mut self, index: u64, bytes: &[u8]) -> Result<(), CheckpointError> {
        if bytes.len() != self.block_bytes as usize || index >= PLACES_MAX {
            return Err(self.order(format!(
                "block {index} of {} bytes, where blocks have {} and their numbers are below {PLACES_MAX}",
                bytes.len(),
                self.block_bytes
            )));
        }
        self.sent_end = self.sent_end.max(index + 1);
        self.place(index, bytes)
    }

    /// Completes the epoch: `blocks` blocks of entries, `extras` behind them.
    pub(super) fn end(&mut self, blocks: u64, extras: &[u8]) -> Result<SlotPart, CheckpointError> {
        let places = Places {
            block_bytes: self.block_bytes,
            blocks,
            extras_bytes: extras.len() as u64,
        };
        if places.total() > PLACES_MAX || self.sent_end > blocks {
            return Err(self.order(format!(
                "the end says {blocks} blocks and {} bytes of extras, after block {} was sent",
                extras.len(),
                self.sent_end.saturating_sub(1)
            )));
        }
        self.reserve(places)?;
        self.zero_unsent(blocks)?;
        let mut padded = vec![0; self.block_bytes as usize];
        for (place, bytes) in (blocks..).zip(extras.chunks(self.block_bytes as usize)) {
            padded[..bytes.len()].copy_from_slice(bytes);
            padded[bytes.len()..].fill(0);
            self.place(place, &padded)?;
        }
        self.crcs[places.total() as usize..].fill(0);
        let index_crc = self.write_index(places)?;
        let mut header = Header::new(self.part, self.run, self.epoch, places);
        header.index_crc = index_crc;
        let (page, header_crc) = header.page();
        self.write(&page, 0)?;
        self.ended = Some(places);
        kill_point::reach("part-written");
        Ok(SlotPart {
            header_crc,
            zeros: 0,
            bytes: places.end(),
        })
    }

    /// Makes it safe.
    pub(super) fn sync(&mut self) -> Result<(), CheckpointError> {
        self.on_file(|| "sync it".into(), |file| file.sync())
    }

    /// Whether its name is not known to be safe.
    pub(super) fn is_unlisted(&self) -> bool {
        self.unlisted
    }

    /// The directory was synced, or could not be.
    pub(super) fn listed(&mut self, safe: bool) {
        self.failed |= self.unlisted && !safe;
        self.unlisted &= !safe;
    }

    /// The epoch is durable.
    pub(super) fn keep(&mut self) {
        self.kept_blocks = self.ended.map_or(0, |places| places.blocks);
    }

    /// Bytes written since `begin`.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Places that were not sent and are not as the durable epoch left them are zero.
    fn zero_unsent(&mut self, blocks: u64) -> Result<(), CheckpointError> {
        let unchanged = if self.full { 0 } else { self.kept_blocks };
        let zeros = vec![0; self.block_bytes as usize];
        for place in 0..blocks {
            let at = place as usize;
            if self.sent[at] == self.epoch || place < unchanged {
                continue;
            }
            if self.held[at] {
                self.write(&zeros, place_offset(self.block_bytes, place))?;
                self.held[at] = false;
            }
            self.crcs[at] = self.zero_crc;
        }
        Ok(())
    }

    fn place(&mut self, place: u64, bytes: &[u8]) -> Result<(), CheckpointError> {
        let at = place as usize;
        if at >= self.crcs.len() {
            self.reserve(Places {
                block_bytes: self.block_bytes,
                blocks: place + 1,
                extras_bytes: 0,
            })?;
        }
        // Before it is written: a write that fails may have left some of its bytes.
        self.held[at] = true;
        self.sent[at] = self.epoch;
        self.crcs[at] = crc32c::crc32c(bytes);
        self.write(bytes, place_offset(self.block_bytes, place))
    }

    /// Takes room for `places` from the disk, and a step ahead; new room reads as zeros.
    fn reserve(&mut self, places: Places) -> Result<(), CheckpointError> {
        let end = places.end();
        if end > self.len {
            let step = (end / 8)
                .next_power_of_two()
                .clamp(STEP_BYTES_MIN, STEP_BYTES_MAX);
            let len = end.next_multiple_of(step);
            self.on_file(
                || format!("grow it to {len} bytes"),
                |file| file.allocate(len),
            )?;
            self.len = len;
        }
        let count = places.total() as usize;
        if count > self.crcs.len() {
            self.crcs.resize(count, 0);
            self.held.resize(count, false);
            self.sent.resize(count, 0);
        }
        Ok(())
    }

    /// Writes the index pages that `places` need; returns the checksum of all of them.
    fn write_index(&mut self, places: Places) -> Result<u32, CheckpointError> {
        let mut index_crc = 0;
        for group in 0..places.groups() {
            let first = (group * GROUP_PLACES) as usize;
            let last = self.crcs.len().min(first + GROUP_PLACES as usize);
            let mut page = [0; PAGE_BYTES];
            for (bytes, crc) in page.chunks_exact_mut(4).zip(&self.crcs[first..last]) {
                bytes.copy_from_slice(&crc.to_le_bytes());
            }
            index_crc = crc32c::crc32c_append(index_crc, &page);
            self.write(&page, index_offset(self.block_bytes, group))?;
        }
        Ok(index_crc)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> Result<(), CheckpointError> {
        self.written_bytes += bytes.len() as u64;
        let what = || format!("write {} bytes at byte {offset}", bytes.len());
        self.on_file(what, |file| file.write_at(bytes, offset))
    }

    fn on_file(
        &mut self,
        what: impl FnOnce() -> String,
        act: impl FnOnce(&mut D::File) -> io::Result<()>,
    ) -> Result<(), CheckpointError> {
        let done = match &mut self.file {
            Some(file) => act(file),
            None => Err(io::Error::other("it is not open")),
        };
        done.map_err(|error| {
            self.failed = true;
            CheckpointError::io(&self.path, what())(error)
        })
    }

    fn order(&self, what: String) -> CheckpointError {
        CheckpointError::Order {
            epoch: self.epoch,
            what: format!("{}: {what}", self.path.display()),
        }
    }
}
