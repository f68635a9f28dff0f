//! Where the bytes of a cold tier are kept: a file, or memory.

use super::error::ColdError;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that grow in steps, are written in frames and read in records.
pub trait Storage: Send + 'static {
    /// Its path, for messages.
    fn name(&self) -> &str;

    /// Bytes it has.
    fn len(&self) -> u64;

    /// Whether it has none yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes it `len` bytes long at least. What is written below `len` afterwards finds its room on the disk.
    ///
    /// # Errors
    /// When there is no room.
    fn grow(&mut self, len: u64) -> Result<(), ColdError>;

    /// Writes below [`Storage::len`].
    ///
    /// # Errors
    /// The system's.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ColdError>;

    /// Looks whether what was written is still there, before a batch of reads.
    ///
    /// # Errors
    /// When it has become shorter.
    fn check(&mut self) -> Result<(), ColdError>;

    /// The `len` bytes at `offset`, or as many of them as lie together; none where nothing is.
    fn peek(&self, offset: u64, len: usize) -> &[u8];

    /// The `len` bytes at `offset`.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, offset: u64, len: usize) -> Result<&[u8], ColdError> {
        let bytes = self.peek(offset, len);
        if bytes.len() == len {
            return Ok(bytes);
        }
        Err(ColdError::Cut {
            name: self.name().to_owned(),
            expected: offset + len as u64,
            found: self.len(),
        })
    }

    /// Has what was written put where a crash does not reach it, or says what is to be synced for that.
    ///
    /// # Errors
    /// The system's.
    fn sync(&mut self) -> Result<Option<File>, ColdError> {
        Ok(None)
    }

    /// The tier failed: what is there stays to be looked at.
    fn keep(&mut self) {}

    /// Things people should know at the end of the run.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What is to go wrong with a [`MemoryStorage`].
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The disk is full at this size, bytes.
    pub full_at: Option<u64>,
    /// Another program cuts it to so many bytes.
    pub cut_to: Option<u64>,
    /// The byte at this offset comes back with these bits flipped.
    pub flip: Option<(u64, u8)>,
    /// So many writes succeed before one fails.
    pub fail_after_writes: Option<u64>,
    /// So many batches of reads succeed before one fails.
    pub fail_after_reads: Option<u64>,
    /// So many writes happen before one is lost without an error.
    pub lose_after_writes: Option<u64>,
}

/// Storage in memory: for the simulator, tests, and stages whose cold entries shall stay in memory.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    name: String,
    bytes: Vec<u8>,
    faults: Arc<Mutex<Faults>>,
}

impl MemoryStorage {
    /// Empty storage that messages call `name`.
    pub fn new(name: &str) -> Self {
        MemoryStorage {
            name: name.to_owned(),
            ..MemoryStorage::default()
        }
    }

    /// What is to go wrong, to be changed at any time.
    pub fn faults(&self) -> Arc<Mutex<Faults>> {
        self.faults.clone()
    }

    fn error(&self, what: &'static str, offset: u64) -> ColdError {
        ColdError::Io {
            name: self.name.clone(),
            what,
            offset,
            source: io::Error::other("injected fault"),
        }
    }
}

/// Counts one off; whether none was left.
fn spent(left: &mut Option<u64>) -> bool {
    match left {
        Some(0) => true,
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}

impl Storage for MemoryStorage {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn grow(&mut self, len: u64) -> Result<(), ColdError> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = faults.full_at.filter(|full_at| len > *full_at) {
            return Err(ColdError::Full {
                name: self.name.clone(),
                len: self.len(),
                wanted: len,
                free: format!("{} bytes are free", full_at.saturating_sub(self.len())),
                source: io::Error::from(io::ErrorKind::StorageFull),
            });
        }
        drop(faults);
        self.bytes.resize(len as usize, 0);
        Ok(())
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ColdError> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = spent(&mut faults.fail_after_writes);
        let lost = spent(&mut faults.lose_after_writes);
        drop(faults);
        if failed {
            return Err(self.error("write", offset));
        }
        if !lost {
            self.bytes[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), ColdError> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((offset, bits)) = faults
            .flip
            .take_if(|(offset, _)| *offset < self.bytes.len() as u64)
        {
            self.bytes[offset as usize] ^= bits;
        }
        let failed = spent(&mut faults.fail_after_reads);
        let cut = faults.cut_to.filter(|len| *len < self.bytes.len() as u64);
        drop(faults);
        if failed {
            return Err(self.error("read", 0));
        }
        match cut {
            Some(found) => Err(ColdError::Cut {
                name: self.name.clone(),
                expected: self.len(),
                found,
            }),
            None => Ok(()),
        }
    }

    fn peek(&self, offset: u64, len: usize) -> &[u8] {
        let from = (offset as usize).min(self.bytes.len());
        &self.bytes[from..(from + len).min(self.bytes.len())]
    }
}
