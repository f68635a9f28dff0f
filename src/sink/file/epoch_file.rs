//! A file of results that grows by durable epochs, each row in it exactly once whatever crashes.
//!
//! ```text
//!   rows ─► results.csv.after-11 ── close(12): sync ─► checkpoint 12 (with the position: lengths, checksums)
//!                    │                                      │ durable
//!                    └──────── publish(12): append, sync ◄──┘──► results.csv;  remove the segment
//! ```
//!
//! Beside the file lies one *segment* for each epoch that is not published yet, named after the epoch before
//! it. What follows the newest durable epoch is in segments alone, so that the file never holds a row whose
//! event a recovery would process again; the rows of an epoch that was aborted stay, and are published
//! with the next. At the end of a run that succeeded everything is published.
//!
//! Restored at epoch N: the file, with the segments of N's position put where they belong, must have the length
//! and the CRC-32C that the position says. Only when all of it was read and is right is anything written:
//! segments up to N are appended, the file is cut to the length of N (it is longer if it had come further, and
//! those rows come again), and all other segments are removed. Each step may be repeated.
//!
//! Two ends, for two threads: rows must not wait while an epoch is synced. Invariant: the file reaches up to the
//! first pending segment; a position is handed out only once its segments are synced.

use super::epoch_position::{EpochPosition, SegmentPosition};
use super::error::SinkError;
use crate::sys::disk::{Disk, DiskFile, Open};
use crc32c::{crc32c_append, crc32c_combine};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

/// Copied and checked at a time, bytes.
const CHUNK_BYTES: usize = 256 << 10;

/// The end that takes rows: writes segments and never waits for a disk to sync. Owned by the writer thread.
pub(super) struct Segments<D: Disk> {
    disk: D,
    path: PathBuf,
    /// The segment being written, once it has a byte.
    open: Option<(D::File, SegmentPosition)>,
    /// The last epoch that was closed; 0 before the first.
    epoch: u64,
    /// Where the next segment starts in the file.
    len: u64,
}

/// The rows of one epoch, complete and not yet safe.
pub(super) struct Closed<F> {
    pub(super) epoch: u64,
    /// Rows up to the epoch.
    pub(super) rows: u64,
    /// Nothing for an epoch without rows.
    segment: Option<(F, SegmentPosition)>,
}

/// The end that makes epochs safe and publishes them. Owned by the publisher thread.
pub(super) struct Publisher<D: Disk> {
    disk: D,
    path: PathBuf,
    published: D::File,
    /// Segments that are safe and not published, in order, each with the epoch that closed it.
    pending: VecDeque<(u64, SegmentPosition)>,
    /// Length and checksum of the file with all of them.
    len: u64,
    crc: u32,
}

/// An empty file at `path`, in place of what was there and of segments that a crash left.
pub(super) fn create<D: Disk>(
    disk: D,
    path: &Path,
) -> Result<(Segments<D>, Publisher<D>), SinkError> {
    let failed = |error| SinkError::io(path, "create", error);
    remove_segments(&disk, path).map_err(failed)?;
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let published = disk.open(path, Open::Create).map_err(failed)?;
    disk.sync_dir(directory(path)).map_err(failed)?;
    Ok(ends(disk, path, published, &EpochPosition::default()))
}

/// The file at `path` as it was at `position`, which closing an epoch gave.
pub(super) fn restore<D: Disk>(
    disk: D,
    path: &Path,
    position: &EpochPosition,
) -> Result<(Segments<D>, Publisher<D>), SinkError> {
    let failed = |error| SinkError::io(path, "restore", error);
    let mut published = disk.open(path, Open::Write).map_err(failed)?;
    let has = published.len().map_err(failed)?;
    let first = position.segments.first();
    let needed = first.map_or(position.len, |segment| segment.start);
    if has < needed {
        return Err(SinkError::NotOfCheckpoint {
            file: path.to_path_buf(),
            problem: format!("it has {has} bytes, and {needed} were published"),
        });
    }
    // Nothing is written before everything was read.
    let mut crc = checksum(&published, 0, needed).map_err(failed)?;
    let mut to_append = Vec::new();
    for segment in &position.segments {
        let found = open_segment(&disk, path, segment).map_err(failed)?;
        if let Some(file) = found {
            to_append.push((file, segment));
        } else if has < segment.start + segment.len
            || checksum(&published, segment.start, segment.len).map_err(failed)? != segment.crc
        {
            return Err(SinkError::NotOfCheckpoint {
                file: path.to_path_buf(),
                problem: format!(
                    "the {} bytes from {} on are neither in it nor in {}",
                    segment.len,
                    segment.start,
                    segment.path(path).display()
                ),
            });
        }
        crc = crc32c_combine(crc, segment.crc, segment.len as usize);
    }
    if crc != position.crc {
        return Err(SinkError::NotOfCheckpoint {
            file: path.to_path_buf(),
            problem: format!("its first {needed} bytes were changed: their checksum is another"),
        });
    }
    for (file, segment) in to_append {
        copy(&file, segment.len, &mut published, segment.start).map_err(failed)?;
    }
    published.set_len(position.len).map_err(failed)?;
    published.sync().map_err(failed)?;
    remove_segments(&disk, path).map_err(failed)?;
    disk.sync_dir(directory(path)).map_err(failed)?;
    Ok(ends(disk, path, published, position))
}

fn ends<D: Disk>(
    disk: D,
    path: &Path,
    published: D::File,
    position: &EpochPosition,
) -> (Segments<D>, Publisher<D>) {
    let segments = Segments {
        disk: disk.clone(),
        path: path.to_path_buf(),
        open: None,
        epoch: position.epoch,
        len: position.len,
    };
    let publisher = Publisher {
        disk,
        path: path.to_path_buf(),
        published,
        pending: VecDeque::new(),
        len: position.len,
        crc: position.crc,
    };
    (segments, publisher)
}

impl<D: Disk> Segments<D> {
    /// Appends `bytes` to the rows of the epoch in progress.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.open.is_none() {
            let segment = SegmentPosition::empty(self.epoch, self.len);
            let file = self.disk.open(&segment.path(&self.path), Open::Create)?;
            self.open = Some((file, segment));
        }
        if let Some((file, segment)) = &mut self.open {
            file.write_at(bytes, segment.len)?;
            segment.len += bytes.len() as u64;
            segment.crc = crc32c_append(segment.crc, bytes);
        }
        Ok(())
    }

    /// What was written so far belongs to `epoch`, with `rows` rows up to it; what follows to the next.
    pub(super) fn close(&mut self, epoch: u64, rows: u64) -> Closed<D::File> {
        let segment = self.open.take();
        self.epoch = epoch;
        self.len += segment.as_ref().map_or(0, |(_, segment)| segment.len);
        Closed {
            epoch,
            rows,
            segment,
        }
    }
}

impl<D: Disk> Publisher<D> {
    /// Makes the rows of an epoch safe, and returns where the file then stands.
    pub(super) fn keep(&mut self, closed: Closed<D::File>) -> io::Result<EpochPosition> {
        let Closed {
            epoch,
            rows,
            segment,
        } = closed;
        if let Some((mut file, segment)) = segment {
            file.sync()?;
            self.disk.sync_dir(directory(&self.path))?;
            self.len += segment.len;
            self.crc = crc32c_combine(self.crc, segment.crc, segment.len as usize);
            self.pending.push_back((epoch, segment));
        }
        Ok(EpochPosition {
            epoch,
            rows,
            len: self.len,
            crc: self.crc,
            segments: self.pending.iter().map(|(_, segment)| *segment).collect(),
        })
    }

    /// Appends what belongs to epochs up to `epoch`, which is durable, to the file.
    pub(super) fn publish(&mut self, epoch: u64) -> io::Result<()> {
        let durable = self.pending.iter().take_while(|(of, _)| *of <= epoch);
        let count = durable.count();
        if count == 0 {
            return Ok(());
        }
        for (_, segment) in self.pending.iter().take(count) {
            let file = self.disk.open(&segment.path(&self.path), Open::Read)?;
            copy(&file, segment.len, &mut self.published, segment.start)?;
        }
        self.published.sync()?;
        // Only now: until here a crash finds both.
        for (_, segment) in self.pending.drain(..count) {
            self.disk.remove(&segment.path(&self.path))?;
        }
        Ok(())
    }

    /// Publishes everything, with the last rows of a run that has succeeded.
    pub(super) fn finish(mut self, last: Closed<D::File>) -> io::Result<()> {
        self.keep(last)?;
        self.publish(u64::MAX)?;
        self.disk.sync_dir(directory(&self.path))
    }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The file of a segment, if it is there with all its bytes; once published, it may be gone.
fn open_segment<D: Disk>(
    disk: &D,
    path: &Path,
    segment: &SegmentPosition,
) -> io::Result<Option<D::File>> {
    let file = match disk.open(&segment.path(path), Open::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let whole = file.len()? >= segment.len && checksum(&file, 0, segment.len)? == segment.crc;
    Ok(whole.then_some(file))
}

fn remove_segments<D: Disk>(disk: &D, path: &Path) -> io::Result<()> {
    for name in disk.list(directory(path))? {
        if SegmentPosition::is_name(&name, path) {
            disk.remove(&directory(path).join(name))?;
        }
    }
    Ok(())
}

fn copy<F: DiskFile>(from: &F, len: u64, to: &mut F, start: u64) -> io::Result<()> {
    chunks(from, 0, len, |at, chunk| to.write_at(chunk, start + at))
}

fn checksum<F: DiskFile>(file: &F, start: u64, len: u64) -> io::Result<u32> {
    let mut crc = 0;
    chunks(file, start, len, |_, chunk| {
        crc = crc32c_append(crc, chunk);
        Ok(())
    })?;
    Ok(crc)
}

/// Shows `len` bytes of `file` from `start` on, in pieces, each with its place among them.
fn chunks<F: DiskFile>(
    file: &F,
    start: u64,
    len: u64,
    mut show: impl FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES.min(len as usize)];
    let mut at = 0;
    while at < len {
        let part = &mut chunk[..CHUNK_BYTES.min((len - at) as usize)];
        file.read_at(part, start + at)?;
        show(at, part)?;
        at += part.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
#[path = "epoch_file_tests.rs"]
mod tests;
