//! Storage in a file: written with `pwrite`, read through read-only mappings.
//!
//! ```text
//!   file:   ├ header ┼──── step 0 ────┼──── step 1 ────┼── … ┤     step = ColdOptions::grow_bytes
//!   disk:   all of it taken by fallocate before anything is written there
//!   memory:          ├─ mapped, read ─┼─ mapped, read ─┤
//! ```
//!
//! Why not one writable mapping: pages of a shared writable mapping that the kernel writes back stall every
//! thread of the process, those that never touch it included (p99.9 of an event 0.4 → 12 µs, measured);
//! `pwrite` does not. Why fallocate: a sparse mapping on a full disk dies of SIGBUS; this is an error at a
//! moment when it can be told.
//!
//! Owned by the server. The file is locked; it goes away with this value unless it is the log of a checkpoint, or the
//! tier failed, when it stays to be looked at.

use super::error::ColdError;
use super::layout::{self, HEADER_BYTES};
use super::options::ColdOptions;
use super::state_dir::Lock;
use super::storage::Storage;
use crate::sys::mapping::map_range_readonly;
use memmap2::{Advice, Mmap};
use rustix::fs::{FallocateFlags, fallocate, fstatvfs};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Zeros written at a time where the file system cannot preallocate.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// A cold tier's file.
#[derive(Debug)]
pub struct FileStorage {
    path: PathBuf,
    name: String,
    file: File,
    len: u64,
    step_bytes: u64,
    steps: Vec<Mmap>,
    /// Bytes up to which pages have been brought into the mappings.
    present: u64,
    deleted: bool,
    keep: bool,
    /// Of the directory: held as long as a file of it is used. None where the file is part of a checkpoint.
    _lock: Option<Arc<Lock>>,
}

impl FileStorage {
    /// Takes the file at `path`, empty, whatever an earlier run left in it.
    pub(super) fn open(
        path: PathBuf,
        step_bytes: u64,
        lock: Option<Arc<Lock>>,
    ) -> Result<Self, ColdError> {
        let name = path.display().to_string();
        let failed = |what, source| ColdError::Io {
            name: name.clone(),
            what,
            offset: 0,
            source,
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(|error| failed("open", error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ColdError::InUse { name }),
            Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
        }
        if !is_ours(&file).map_err(|error| failed("read", error))? {
            return Err(ColdError::Foreign { name });
        }
        file.set_len(0).map_err(|error| failed("empty", error))?;
        Ok(FileStorage {
            path,
            name,
            file,
            len: 0,
            step_bytes,
            steps: Vec::new(),
            present: HEADER_BYTES,
            deleted: false,
            keep: false,
            _lock: lock,
        })
    }

    /// The log of a checkpoint at `path`, whose directory its owner has locked. It outlives this value.
    ///
    /// # Errors
    /// When it cannot be made, or is in use.
    pub fn log(path: PathBuf, options: &ColdOptions) -> Result<Self, ColdError> {
        let mut log = FileStorage::open(path, options.grow_bytes, None)?;
        log.keep = true;
        Ok(log)
    }

    fn failed(&self, what: &'static str, offset: u64, source: io::Error) -> ColdError {
        ColdError::Io {
            name: self.name.clone(),
            what,
            offset,
            source,
        }
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let more = fallocate(
            &self.file,
            FallocateFlags::empty(),
            self.len,
            len - self.len,
        );
        match more {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                let mut at = self.len;
                while at < len {
                    let count = (len - at).min(ZEROS.len() as u64) as usize;
                    self.file.write_all_at(&ZEROS[..count], at)?;
                    at += count as u64;
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the file may be emptied: it is empty, was killed before its header was written, or is a cold file.
fn is_ours(file: &File) -> io::Result<bool> {
    let mut start = [0; 8];
    match file.read_exact_at(&mut start, 0) {
        Ok(()) => Ok(start == [0; 8] || layout::is_cold_file(&start)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(file.metadata()?.len() == 0),
        Err(error) => Err(error),
    }
}

/// What is free where the file is, in words.
fn free(file: &File) -> String {
    match fstatvfs(file) {
        Ok(stat) => format!("{} bytes are free there", stat.f_bavail * stat.f_frsize),
        Err(error) => format!("what is free there is not known ({error})"),
    }
}

impl Storage for FileStorage {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn grow(&mut self, len: u64) -> Result<(), ColdError> {
        if len <= self.len {
            return Ok(());
        }
        self.allocate(len).map_err(|source| match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                ColdError::Full {
                    name: self.name.clone(),
                    len: self.len,
                    wanted: len,
                    free: free(&self.file),
                    source,
                }
            }
            _ => self.failed("grow", self.len, source),
        })?;
        self.len = len;
        loop {
            let from = HEADER_BYTES + self.steps.len() as u64 * self.step_bytes;
            if from + self.step_bytes > len {
                return Ok(());
            }
            let step = map_range_readonly(&self.file, from, self.step_bytes as usize);
            self.steps
                .push(step.map_err(|source| self.failed("map", from, source))?);
        }
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ColdError> {
        let written = self.file.write_all_at(bytes, offset);
        written.map_err(|source| self.failed("write", offset, source))?;
        let end = offset + bytes.len() as u64;
        // So that a first read takes no page fault. Where the kernel knows no such advice, it takes one.
        if offset >= HEADER_BYTES && end > self.present {
            let at = offset - HEADER_BYTES;
            let within = (at % self.step_bytes) as usize;
            if let Some(step) = self.steps.get((at / self.step_bytes) as usize) {
                let _ = step.advise_range(Advice::PopulateRead, within, bytes.len());
            }
            self.present = end;
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), ColdError> {
        let stat = self.file.metadata();
        let stat = stat.map_err(|source| self.failed("look at", 0, source))?;
        if stat.len() < self.len {
            return Err(ColdError::Cut {
                name: self.name.clone(),
                expected: self.len,
                found: stat.len(),
            });
        }
        self.deleted |= stat.nlink() == 0;
        Ok(())
    }

    fn peek(&self, offset: u64, len: usize) -> &[u8] {
        let at = offset.saturating_sub(HEADER_BYTES);
        let within = (at % self.step_bytes) as usize;
        let step = self.steps.get((at / self.step_bytes) as usize);
        step.map_or(&[], |step| &step[within..(within + len).min(step.len())])
    }

    fn sync(&mut self) -> Result<Option<File>, ColdError> {
        let file = self.file.try_clone();
        let file = file.map_err(|source| self.failed("open again", 0, source))?;
        Ok(Some(file))
    }

    fn keep(&mut self) {
        self.keep = true;
    }

    fn notes(&self) -> Vec<String> {
        if !self.deleted {
            return Vec::new();
        }
        vec![format!(
            "{}: another program deleted the cold tier's file during the run; the run kept using it and lost nothing",
            self.name
        )]
    }
}

impl Drop for FileStorage {
    fn drop(&mut self) {
        if !self.keep && !self.deleted {
            // Nothing to be done if it fails: the next run empties what is left.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The part of a file's name that stands for a stage: letters, digits, `-` and `_` as they are, all else as
/// `%` and two hexadecimal digits, so that no two stages share a file.
pub(super) fn safe_name(stage: &str) -> String {
    let mut name = String::new();
    for byte in stage.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name
}

/// The path of a partition's file.
pub(super) fn path_of(dir: &Path, stage: &str, partition: u32) -> PathBuf {
    dir.join(format!("{}-{partition}.cold", safe_name(stage)))
}
