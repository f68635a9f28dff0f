//! Journal: what a source that cannot rewind has given, kept until a checkpoint covers it.
//!
//! ```text
//!   reader thread ── append(texts, records) ──► texts-…    key texts, never trimmed
//!                        │                      records-…  decoded records, in segments
//!                        │ synced as `journal.fsync` says
//!                        └─► handed on to the engine
//!   after a crash:  open ─ cut the torn tail ─ read from the record of the checkpoint ─ then the live input
//!   after a durable epoch:  trim: segments whose records all lie before it are removed
//! ```
//!
//! The bytes are drawn in `docs/journal.md` and asserted in `frame.rs`. Written with `write_at`: a mapping that is
//! written back would stall the threads of the engine. Owned by one thread off the cores.
//!
//! Invariant: what [`Journal::read`] gives is a prefix of what was appended, in order, and holds everything that
//! was synced; anything else is an error.
mod error;
mod frame;
mod fsync;
mod log;
mod rules;
#[cfg(test)]
mod tests;

pub use error::JournalError;
pub use fsync::Fsync;

use crate::sys::disk::Disk;
use log::Log;
use rules::Rules;
use std::path::{Path, PathBuf};

/// How a journal is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// The directory; its parent exists.
    pub dir: PathBuf,
    /// When what was appended is made safe.
    pub fsync: Fsync,
    /// Bytes of a segment, about; at least one append.
    pub segment_bytes: u64,
    /// Bytes that all segments of records may have.
    pub bytes_max: u64,
    /// Bytes of one record.
    pub record_bytes: u32,
}

/// A key and its text.
pub type KeyText = (u64, Vec<u8>);

/// A journal that is open.
pub struct Journal<D: Disk> {
    records: Log<D>,
    texts: Log<D>,
    fsync: Fsync,
    record_bytes: u64,
    /// Records that were ever appended.
    end: u64,
    synced_at_ns: u64,
    cut_bytes: u64,
}

impl<D: Disk> Journal<D> {
    /// Opens the journal in `options.dir`, making it if there is none, and cuts off what a crash left half written.
    ///
    /// # Errors
    /// Bytes that are not what was synced; other records than asked for; the system's.
    pub fn open(disk: D, options: &JournalOptions) -> Result<Self, JournalError> {
        let failed = |error| JournalError::io(&options.dir, "create", error);
        disk.create_dir(&options.dir).map_err(failed)?;
        let parent = options.dir.parent().unwrap_or(Path::new("."));
        let parent = match parent.as_os_str().is_empty() {
            true => Path::new("."),
            false => parent,
        };
        disk.sync_dir(parent).map_err(failed)?;
        let rules = |prefix, unit_bytes, bytes_max| Rules {
            dir: options.dir.clone(),
            prefix,
            unit_bytes,
            segment_bytes: options.segment_bytes,
            bytes_max,
        };
        let texts = Log::open(disk.clone(), rules("texts", 1, u64::MAX))?;
        let unit = options.record_bytes;
        let records = Log::open(disk, rules("records", unit, options.bytes_max))?;
        Ok(Journal {
            end: records.end(),
            cut_bytes: texts.cut_bytes() + records.cut_bytes(),
            records,
            texts,
            fsync: options.fsync,
            record_bytes: u64::from(options.record_bytes),
            synced_at_ns: 0,
        })
    }

    /// The records that are there: the first, and the one behind the last.
    pub fn records(&self) -> std::ops::Range<u64> {
        self.records.start()..self.end
    }

    /// Bytes that were cut off when it was opened: of appends that a crash interrupted.
    pub fn cut_bytes(&self) -> u64 {
        self.cut_bytes
    }

    /// Bytes on disk, without texts.
    pub fn bytes(&self) -> u64 {
        self.records.bytes()
    }

    /// Whether `records` more would stay within the bound; else wait for [`Journal::trim`], or end the run.
    pub fn has_room(&self, records: usize) -> bool {
        self.records.has_room(records as u64 * self.record_bytes)
    }

    /// Appends `records`, whole ones, and `texts` that were not appended before; syncs where `journal.fsync` says
    /// so at `now_ns`. Nothing may be handed on before it returns.
    ///
    /// # Errors
    /// No room within the bound; the system's. After an error nothing more may be appended.
    pub fn append(
        &mut self,
        texts: &[KeyText],
        records: &[u8],
        now_ns: u64,
    ) -> Result<(), JournalError> {
        if !texts.is_empty() {
            let mut payload = Vec::new();
            for (key, text) in texts {
                payload.extend_from_slice(&key.to_le_bytes());
                payload.extend_from_slice(&(text.len() as u32).to_le_bytes());
                payload.extend_from_slice(text);
            }
            self.texts.append(&payload)?;
        }
        if !records.is_empty() {
            self.records.append(records)?;
            self.end = self.records.end();
        }
        if self.fsync.is_due(self.synced_at_ns, now_ns) {
            self.sync(now_ns)?;
        }
        Ok(())
    }

    /// Makes safe what was appended: at the end of the input, and when `journal.fsync` is an interval that passed.
    ///
    /// # Errors
    /// The system's; then nothing appended since the last sync may be relied on.
    pub fn sync(&mut self, now_ns: u64) -> Result<(), JournalError> {
        // Texts first: a record whose key has lost its text would be shown as a number.
        self.texts.sync()?;
        self.records.sync()?;
        self.synced_at_ns = now_ns;
        Ok(())
    }

    /// Shows the records from number `from` on, in order, some at a time.
    ///
    /// # Errors
    /// They were trimmed, or never appended; the system's; bytes that changed since it was opened.
    pub fn read(&self, from: u64, show: impl FnMut(&[u8])) -> Result<(), JournalError> {
        self.records.read(from, show)
    }

    /// All texts, in the order in which they were appended.
    ///
    /// # Errors
    /// The system's; bytes that changed since it was opened, or are no texts.
    pub fn texts(&self) -> Result<Vec<KeyText>, JournalError> {
        let mut bytes = Vec::new();
        self.texts
            .read(self.texts.start(), |part| bytes.extend_from_slice(part))?;
        let mut texts = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (text, behind) = split_text(rest).ok_or_else(|| self.texts.not_texts())?;
            texts.push(text);
            rest = behind;
        }
        Ok(texts)
    }

    /// Goes on with record number `record`, which lies behind all there are: a checkpoint covers what the journal
    /// lost of the records before it when the machine died.
    ///
    /// # Errors
    /// The system's.
    pub fn restart(&mut self, record: u64) -> Result<(), JournalError> {
        self.records.restart(record)?;
        self.end = self.records.end();
        Ok(())
    }

    /// Removes segments whose records all have numbers below `before`: an epoch that covers them is durable.
    ///
    /// # Errors
    /// The system's.
    pub fn trim(&mut self, before: u64) -> Result<(), JournalError> {
        self.records.trim(before)
    }
}

fn split_text(bytes: &[u8]) -> Option<(KeyText, &[u8])> {
    let (key, rest) = bytes.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some(((u64::from_le_bytes(*key), text.to_vec()), rest))
}
