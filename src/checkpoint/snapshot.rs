//! The state at one epoch, read from its files; every block is verified before anything of it is used.
//!
//! ```text
//!   open:    slot ─ header's checksum ─► header ─ index' checksum ─► index pages, kept in memory
//!   verify:  every place against its checksum, 1 MiB at a time, on as many threads as are given
//!   blocks, extras:  read once more, checked once more, handed out
//! ```
//!
//! Read with `pread` in pieces rather than mapped: a file that is cut while it is read is then an error and
//! not a signal, and the copy costs little beside the checksum: 3.9 GiB/s on one thread from the page cache,
//! 4.2 mapped (2 cores at 2.6 GHz, both busy with other work; the test
//! `reading_speed` measures it).
//!
//! Shared by as many threads as like; nothing in it changes. Which kind of disk it is read from makes no difference
//! to who has it: one that was found on a simulated disk may be taken for another's ([`Snapshot::anywhere`]).

use super::error::CheckpointError;
use super::layout::{GROUP_PLACES, Header, PAGE_BYTES, PLACES_MAX, Places, index_offset, seal_of};
use super::listing::read_bytes;
use super::names::{log_of, stems};
use super::shape::Shape;
use super::slot::{Slot, SlotPart};
use crate::sys::disk::{Disk, DiskFile, Open};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes read at a time: large enough that the call does not count, small enough to stay in the cache.
const PIECE_BYTES: usize = 1 << 20;

/// A part's file, its index verified.
#[derive(Debug)]
struct PartIndex {
    path: PathBuf,
    /// Of a part whose blocks are maps of it.
    log: PathBuf,
    places: Places,
    /// Of each place.
    crcs: Vec<u32>,
}

/// A disk to read files of.
trait Files: Send + Sync {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Bytes>>;
}

/// A file that is read.
trait Bytes {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
}

impl<D: Disk> Files for D {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Bytes>> {
        Ok(Box::new(Disk::open(self, path, Open::Read)?))
    }
}

impl<F: DiskFile> Bytes for F {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        DiskFile::read_at(self, bytes, offset)
    }
}

/// The state at one epoch.
pub struct Snapshot<D: Disk> {
    files: Box<dyn Files>,
    of: PhantomData<fn() -> D>,
    /// The run that wrote it.
    pub run: u64,
    /// The epoch.
    pub epoch: u64,
    /// When it became durable, ms since 1970 UTC; 0 if that was not known.
    pub wall_ms: u64,
    /// The parts of the flow.
    pub shape: Shape,
    parts: Vec<PartIndex>,
}

impl<D: Disk> fmt::Debug for Snapshot<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("run", &self.run)
            .field("epoch", &self.epoch)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl<D: Disk> Snapshot<D> {
    /// The epoch that `slot` describes, its files' headers and indexes verified, its blocks not.
    pub(super) fn open(disk: D, run_dir: &Path, slot: &Slot) -> Result<Self, CheckpointError> {
        let mut parts = Vec::with_capacity(slot.parts.len());
        for (number, (stem, expected)) in
            stems(&slot.shape).into_iter().zip(&slot.parts).enumerate()
        {
            let path = run_dir.join(format!("{stem}.{}", slot.target));
            let log = run_dir.join(log_of(&stem));
            parts.push(open_part(&disk, (path, log), slot, number, expected)?);
        }
        Ok(Snapshot {
            files: Box::new(disk),
            of: PhantomData,
            run: slot.run,
            epoch: slot.epoch,
            wall_ms: slot.wall_ms,
            shape: slot.shape.clone(),
            parts,
        })
    }
}

impl<D: Disk> Snapshot<D> {
    /// The same, still read from where it was found, for whoever asks for one of another kind of disk.
    pub fn anywhere<E: Disk>(self) -> Snapshot<E> {
        Snapshot {
            files: self.files,
            of: PhantomData,
            run: self.run,
            epoch: self.epoch,
            wall_ms: self.wall_ms,
            shape: self.shape,
            parts: self.parts,
        }
    }

    /// Bytes of entries and extras.
    pub fn bytes(&self) -> u64 {
        let bytes = |part: &PartIndex| part.places.total() * u64::from(part.places.block_bytes);
        self.parts.iter().map(bytes).sum()
    }

    /// Blocks of entries of part `part`, a number below that of the shape's parts.
    pub fn block_count(&self, part: usize) -> u64 {
        self.parts[part].places.blocks
    }

    /// Bytes of extras of part `part`.
    pub fn extras_bytes(&self, part: usize) -> u64 {
        self.parts[part].places.extras_bytes
    }

    /// What part `part` remembers beside its entries, as it was sent, in one piece.
    ///
    /// # Errors
    /// When the file can no longer be read, or has changed since it was verified.
    pub fn extras(&self, part: usize) -> Result<Vec<u8>, CheckpointError> {
        let places = &self.parts[part].places;
        let mut extras = Vec::with_capacity(places.extras_bytes as usize);
        self.read(part, places.blocks..places.total(), &mut |_, bytes| {
            extras.extend_from_slice(bytes);
        })?;
        extras.truncate(places.extras_bytes as usize);
        Ok(extras)
    }

    /// Hands every block of entries of part `part` to `each`, in order: its number and its bytes.
    ///
    /// # Errors
    /// As [`Snapshot::extras`]; then some blocks may have been handed out.
    pub fn blocks(
        &self,
        part: usize,
        mut each: impl FnMut(u64, &[u8]),
    ) -> Result<(), CheckpointError> {
        self.read(part, 0..self.parts[part].places.blocks, &mut each)
    }

    pub(super) fn verify(&self) -> Result<(), CheckpointError> {
        for (part, index) in self.parts.iter().enumerate() {
            self.check(part, 0..index.places.total())?;
        }
        Ok(())
    }

    /// On `threads` threads, a group of places at a time; the error is that of the first group that has one.
    pub(super) fn verify_on(&self, threads: usize) -> Result<(), CheckpointError> {
        let groups = self.parts.iter().enumerate().flat_map(|(part, index)| {
            let total = index.places.total();
            (0..index.places.groups()).map(move |group| {
                let first = group * GROUP_PLACES;
                (part, first..total.min(first + GROUP_PLACES))
            })
        });
        let groups: Vec<_> = groups.collect();
        let next = AtomicUsize::new(0);
        let failed: Mutex<Option<(usize, CheckpointError)>> = Mutex::new(None);
        let work = || {
            loop {
                // Relaxed: it hands out numbers; what they stand for was there before the threads.
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some((part, places)) = groups.get(at) else {
                    return;
                };
                if let Err(error) = self.check(*part, places.clone()) {
                    let mut failed = failed
                        .lock()
                        .unwrap_or_else(|poisoned| poisoned.into_inner());
                    if failed.as_ref().is_none_or(|(first, _)| at < *first) {
                        *failed = Some((at, error));
                    }
                    return;
                }
            }
        };
        let threads = threads.clamp(1, groups.len().max(1));
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let failed = failed
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        failed.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Reads the places `range` of part `part`, checks each and hands it to `each`.
    fn read(
        &self,
        part: usize,
        range: std::ops::Range<u64>,
        each: &mut impl FnMut(u64, &[u8]),
    ) -> Result<(), CheckpointError> {
        let PartIndex {
            path, places, crcs, ..
        } = &self.parts[part];
        if range.is_empty() {
            return Ok(());
        }
        let block_bytes = places.block_bytes as usize;
        let at_once = (PIECE_BYTES / block_bytes) as u64;
        let file = self
            .files
            .open(path)
            .map_err(CheckpointError::io(path, "open it"))?;
        let mut piece = vec![0; block_bytes * at_once.min(range.end - range.start) as usize];
        let mut first = range.start;
        while first < range.end {
            let group_end = (first / GROUP_PLACES + 1) * GROUP_PLACES;
            let count = at_once.min(group_end - first).min(range.end - first) as usize;
            let bytes = &mut piece[..count * block_bytes];
            let offset = places.offset(first);
            file.read_at(bytes, offset).map_err(CheckpointError::io(
                path,
                format!("read {} bytes at byte {offset}", bytes.len()),
            ))?;
            for (place, block) in (first..).zip(bytes.chunks_exact(block_bytes)) {
                let (found, expected) = (crc32c::crc32c(block), crcs[place as usize]);
                if found != expected {
                    return Err(wrong_block(path, places, place, block, found, expected));
                }
                each(place, block);
            }
            first += count as u64;
        }
        Ok(())
    }
}

fn wrong_block(
    path: &Path,
    places: &Places,
    place: u64,
    block: &[u8],
    found: u32,
    expected: u32,
) -> CheckpointError {
    let what = match place.checked_sub(places.blocks) {
        None => format!("the checksum of block {place}"),
        Some(extra) => format!("the checksum of block {extra} of the extras"),
    };
    let zero = if block.iter().all(|byte| *byte == 0) {
        ", all zero"
    } else {
        ""
    };
    CheckpointError::corrupt(
        path,
        what,
        places.offset(place),
        format!("{found:#010x}{zero}"),
        format!("{expected:#010x}"),
    )
}

fn open_part<D: Disk>(
    disk: &D,
    (path, log): (PathBuf, PathBuf),
    slot: &Slot,
    number: usize,
    expected: &SlotPart,
) -> Result<PartIndex, CheckpointError> {
    let file = disk
        .open(&path, Open::Read)
        .map_err(CheckpointError::io(&path, "open it"))?;
    let page = read_bytes(&file, &path, 0, PAGE_BYTES)?;
    let header = Header::read(&page, &path)?;
    if seal_of(&page) != expected.header_crc {
        return Err(CheckpointError::corrupt(
            &path,
            "the header",
            0,
            format!(
                "of part {}, epoch {} of run {}",
                header.part, header.epoch, header.run
            ),
            format!(
                "of part {number}, epoch {} of run {}, as the manifest has it",
                slot.epoch, slot.run
            ),
        ));
    }
    let places = header.places();
    let len = file
        .len()
        .map_err(CheckpointError::io(&path, "see its length"))?;
    let sound = places.block_bytes == slot.shape.parts[number].block_bytes
        && super::layout::check_shape(&slot.shape.parts[number]).is_ok()
        && places.total() <= PLACES_MAX
        && places.end() == expected.bytes;
    if !sound {
        let found = format!(
            "{} blocks of {} bytes and {} of extras",
            places.blocks, places.block_bytes, places.extras_bytes
        );
        return Err(CheckpointError::corrupt(
            &path,
            "the header",
            32,
            found,
            format!("what makes {} bytes", expected.bytes),
        ));
    }
    if len < places.end() {
        return Err(CheckpointError::corrupt(
            &path,
            "the end of the file",
            len,
            format!("there, at {len} bytes"),
            format!("at byte {} or behind", places.end()),
        ));
    }
    let mut crcs = Vec::with_capacity(places.total() as usize);
    let mut index_crc = 0;
    for group in 0..places.groups() {
        let page = read_bytes(
            &file,
            &path,
            index_offset(places.block_bytes, group),
            PAGE_BYTES,
        )?;
        index_crc = crc32c::crc32c_append(index_crc, &page);
        let words = page
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        crcs.extend(words.take((places.total() - group * GROUP_PLACES) as usize));
    }
    if index_crc != header.index_crc {
        return Err(CheckpointError::corrupt(
            &path,
            "the checksum of the index pages, the first of them",
            index_offset(places.block_bytes, 0),
            format!("{index_crc:#010x}"),
            format!("{:#010x}", header.index_crc),
        ));
    }
    Ok(PartIndex {
        path,
        log,
        places,
        crcs,
    })
}

#[path = "snapshot_entries.rs"]
mod entries;
