//! A series of segments that is appended to at one end and trimmed at the other.
//!
//! ```text
//!   open:    each segment in order: header right? frames right, numbered one after the other, then zeros
//!            a frame that is not, in the last segment: torn ─► cut there     (nothing behind it was safe)
//!            in an older one, or one that was safe: damaged ─► refuse
//!   append:  room in the last segment? else: sync it, make the next with its header safe; write the frame
//! ```
//!
//! Invariant: all segments but the last are safe and end in zeros; the last is at least its header.

use super::error::JournalError;
use super::frame::{self, Frame, HEADER_BYTES, PAYLOAD_BYTES_MAX, SegmentHeader, VERSION};
use super::rules::{RESTORE, Rules, any_frame, walk};
use crate::sys::disk::{Disk, DiskFile, Open};
use std::collections::VecDeque;
use std::io;

#[derive(Clone, Copy, Debug)]
struct Segment {
    first_sequence: u64,
    first_unit: u64,
    /// Bytes of its header and frames.
    used: u64,
    /// Bytes it takes on the disk.
    bytes: u64,
}

/// The log.
pub(super) struct Log<D: Disk> {
    disk: D,
    rules: Rules,
    segments: VecDeque<Segment>,
    /// The last segment.
    file: Option<D::File>,
    /// Of the next frame.
    sequence: u64,
    /// Of the next frame.
    unit: u64,
    /// Frames below it are safe.
    synced: u64,
    cut_bytes: u64,
    /// A write or a sync has failed.
    is_broken: bool,
}

impl<D: Disk> Log<D> {
    pub(super) fn open(disk: D, rules: Rules) -> Result<Self, JournalError> {
        let failed = |error| JournalError::io(&rules.dir, "read", error);
        let names = disk.list(&rules.dir).map_err(failed)?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| rules.number(name)).collect();
        numbers.sort_unstable();
        let mut log = Log {
            disk,
            rules,
            segments: VecDeque::new(),
            file: None,
            sequence: 0,
            unit: 0,
            synced: 0,
            cut_bytes: 0,
            is_broken: false,
        };
        for (index, &number) in numbers.iter().enumerate() {
            log.open_segment(number, index + 1 == numbers.len())?;
        }
        // The system may not have written it back yet; from here on it counts as safe.
        log.synced = log.sequence;
        if let Some(file) = &mut log.file {
            let path = log
                .rules
                .path(log.segments.back().map_or(0, |last| last.first_sequence));
            file.sync()
                .map_err(|error| JournalError::io(&path, "sync", error))?;
        }
        Ok(log)
    }

    fn open_segment(&mut self, number: u64, is_last: bool) -> Result<(), JournalError> {
        let path = self.rules.path(number);
        let failed = |error| JournalError::io(&path, "read", error);
        let mut file = self.disk.open(&path, Open::Write).map_err(failed)?;
        let mut bytes = vec![0; file.len().map_err(failed)? as usize];
        file.read_at(&mut bytes, 0).map_err(failed)?;
        let Some(header) = SegmentHeader::read(&bytes) else {
            if is_last && !any_frame(&bytes, |_| true) {
                // Its making was interrupted: frames are written only once the header is safe.
                drop(file);
                self.disk.remove(&path).map_err(failed)?;
                self.cut_bytes += bytes.len() as u64;
                return self.disk.sync_dir(&self.rules.dir).map_err(failed);
            }
            return Err(self.rules.damaged(number, 0, "the header is damaged"));
        };
        let differs = |offset, what, found: u64, expected: u64, remedy| {
            Err(JournalError::Damaged {
                file: path.clone(),
                offset,
                what,
                found: found.to_string(),
                expected: expected.to_string(),
                remedy,
            })
        };
        if header.version != VERSION {
            let (found, expected) = (header.version.into(), VERSION.into());
            let remedy = "open it with the program that wrote it";
            return differs(8, "another version of the format", found, expected, remedy);
        }
        if header.unit_bytes != self.rules.unit_bytes {
            let (found, expected) = (header.unit_bytes.into(), self.rules.unit_bytes.into());
            let remedy = "use the application that wrote it, or another directory (journal.dir)";
            return differs(12, "records of another length", found, expected, remedy);
        }
        let next = match self.segments.is_empty() {
            true => (number, header.first_unit),
            false => (self.sequence, self.unit),
        };
        if (header.first_sequence, header.first_unit) != next || header.first_sequence != number {
            let (found, expected) = (header.first_sequence, next.0);
            return differs(
                16,
                "a segment before it is missing",
                found,
                expected,
                RESTORE,
            );
        }
        let walk = walk(&self.rules, &header, &bytes, |_| {});
        let rest = &bytes[walk.at..];
        let torn = rest
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        if torn > 0 {
            // What a crash tears was never safe; a frame behind it may know that this one was.
            let was_safe = |found: &Frame<'_>| {
                found.header.sequence > walk.sequence && found.header.synced > walk.sequence
            };
            if !is_last || any_frame(rest, was_safe) {
                let what = "a frame is damaged, and right ones follow";
                return Err(self.rules.damaged(number, walk.at, what));
            }
            // Frames behind the cut would come to life again behind new ones.
            self.cut_bytes += torn as u64;
            file.set_len(walk.at as u64).map_err(failed)?;
            file.sync().map_err(failed)?;
        }
        self.sequence = walk.sequence;
        self.unit = walk.unit;
        self.segments.push_back(Segment {
            first_sequence: header.first_sequence,
            first_unit: header.first_unit,
            used: walk.at as u64,
            bytes: (bytes.len() as u64).max(walk.at as u64),
        });
        self.file = is_last.then_some(file);
        Ok(())
    }

    pub(super) fn start(&self) -> u64 {
        self.segments
            .front()
            .map_or(self.unit, |first| first.first_unit)
    }

    pub(super) fn end(&self) -> u64 {
        self.unit
    }

    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    pub(super) fn cut_bytes(&self) -> u64 {
        self.cut_bytes
    }

    /// Whether a payload of `length` bytes stays within the bound; the first always does.
    pub(super) fn has_room(&self, length: u64) -> bool {
        let needed = frame::frame_bytes(length as usize) as u64;
        self.fits(needed) || self.segments.is_empty() || {
            let segment = self.rules.segment_bytes.max(HEADER_BYTES as u64 + needed);
            self.bytes().saturating_add(segment) <= self.rules.bytes_max
        }
    }

    fn fits(&self, needed: u64) -> bool {
        let last = self.segments.back().filter(|_| self.file.is_some());
        last.is_some_and(|last| {
            last.used + needed <= self.rules.segment_bytes || last.used == HEADER_BYTES as u64
        })
    }

    /// Appends one frame.
    pub(super) fn append(&mut self, payload: &[u8]) -> Result<(), JournalError> {
        // A longer one could not be told from damage.
        let longest = PAYLOAD_BYTES_MAX / self.rules.unit_bytes as usize;
        for payload in payload.chunks(longest * self.rules.unit_bytes as usize) {
            self.append_frame(payload)?;
        }
        Ok(())
    }

    fn append_frame(&mut self, payload: &[u8]) -> Result<(), JournalError> {
        if !self.has_room(payload.len() as u64) {
            return Err(JournalError::Full {
                dir: self.rules.dir.clone(),
                bytes: self.bytes(),
                bytes_max: self.rules.bytes_max,
            });
        }
        let written = self.write(payload);
        self.settle("write", written)
    }

    fn write(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(frame::frame_bytes(payload.len()));
        if !self.fits(frame::frame_bytes(payload.len()) as u64) {
            self.begin_segment(frame::frame_bytes(payload.len()) as u64)?;
        }
        frame::put(&mut bytes, self.sequence, self.unit, self.synced, payload);
        if let (Some(file), Some(last)) = (&mut self.file, self.segments.back_mut()) {
            file.write_at(&bytes, last.used)?;
            last.used += bytes.len() as u64;
            last.bytes = last.bytes.max(last.used);
        }
        self.sequence += 1;
        self.unit += payload.len() as u64 / u64::from(self.rules.unit_bytes);
        Ok(())
    }

    fn begin_segment(&mut self, needed: u64) -> io::Result<()> {
        // A log never has a gap: what is before a segment is safe before the segment is.
        if let Some(file) = &mut self.file {
            file.sync()?;
            self.synced = self.sequence;
        }
        let header = SegmentHeader::new(self.rules.unit_bytes, self.sequence, self.unit);
        let bytes = self.rules.segment_bytes.max(HEADER_BYTES as u64 + needed);
        let mut file = self
            .disk
            .open(&self.rules.path(self.sequence), Open::Create)?;
        file.allocate(bytes)?;
        file.write_at(bytemuck::bytes_of(&header), 0)?;
        file.sync()?;
        self.disk.sync_dir(&self.rules.dir)?;
        self.file = Some(file);
        self.segments.push_back(Segment {
            first_sequence: self.sequence,
            first_unit: self.unit,
            used: HEADER_BYTES as u64,
            bytes,
        });
        Ok(())
    }

    /// Makes all frames safe.
    pub(super) fn sync(&mut self) -> Result<(), JournalError> {
        if self.synced == self.sequence {
            return Ok(());
        }
        let synced = self.file.as_mut().map_or(Ok(()), DiskFile::sync);
        self.settle("sync", synced)?;
        self.synced = self.sequence;
        Ok(())
    }

    /// After an error nothing is tried again: what was written before may be gone.
    fn settle(&mut self, doing: &'static str, done: io::Result<()>) -> Result<(), JournalError> {
        let done = match self.is_broken {
            true => Err(io::Error::other("an earlier write to it has failed")),
            false => done,
        };
        self.is_broken |= done.is_err();
        done.map_err(|error| JournalError::io(&self.rules.dir, doing, error))
    }

    /// Shows the units from number `from` on.
    pub(super) fn read(&self, from: u64, mut show: impl FnMut(&[u8])) -> Result<(), JournalError> {
        if from < self.start() || from > self.unit {
            return Err(JournalError::Missing {
                dir: self.rules.dir.clone(),
                asked: from,
                first: self.start(),
                end: self.unit,
            });
        }
        for (index, segment) in self.segments.iter().enumerate() {
            let following = self.segments.get(index + 1);
            let end = following.map_or(self.unit, |next| next.first_unit);
            if end <= from {
                continue;
            }
            let path = self.rules.path(segment.first_sequence);
            let failed = |error| JournalError::io(&path, "read", error);
            let file = self.disk.open(&path, Open::Read).map_err(failed)?;
            let mut bytes = vec![0; segment.used as usize];
            file.read_at(&mut bytes, 0).map_err(failed)?;
            let damaged = |at| {
                let what = "it was changed since it was opened";
                self.rules.damaged(segment.first_sequence, at, what)
            };
            let header = SegmentHeader::read(&bytes).ok_or_else(|| damaged(0))?;
            let walk = walk(&self.rules, &header, &bytes, |found| {
                let skip = from.saturating_sub(found.header.first_unit);
                let skip = skip.saturating_mul(u64::from(self.rules.unit_bytes));
                if let Some(units) = found.payload.get(skip as usize..)
                    && !units.is_empty()
                {
                    show(units);
                }
            });
            if walk.unit != end {
                return Err(damaged(walk.at));
            }
        }
        Ok(())
    }

    /// That its frames are right, and what they hold is not.
    pub(super) fn not_texts(&self) -> JournalError {
        let first = self
            .segments
            .front()
            .map_or(0, |first| first.first_sequence);
        self.rules
            .damaged(first, HEADER_BYTES, "its frames hold no texts")
    }

    /// Forgets all units, and goes on with number `unit`, which lies behind them.
    pub(super) fn restart(&mut self, unit: u64) -> Result<(), JournalError> {
        self.trim(u64::MAX)?;
        self.file = None;
        if let Some(last) = self.segments.pop_front() {
            let path = self.rules.path(last.first_sequence);
            self.disk
                .remove(&path)
                .and_then(|()| self.disk.sync_dir(&self.rules.dir))
                .map_err(|error| JournalError::io(&path, "trim", error))?;
        }
        self.unit = unit;
        Ok(())
    }

    /// Removes segments that lie before unit `before`.
    pub(super) fn trim(&mut self, before: u64) -> Result<(), JournalError> {
        while self
            .segments
            .get(1)
            .is_some_and(|next| next.first_unit <= before)
        {
            let Some(first) = self.segments.pop_front() else {
                break;
            };
            let path = self.rules.path(first.first_sequence);
            // One by one: were a later one gone and an earlier one not, there would be a gap.
            self.disk
                .remove(&path)
                .and_then(|()| self.disk.sync_dir(&self.rules.dir))
                .map_err(|error| JournalError::io(&path, "trim", error))?;
        }
        Ok(())
    }
}
