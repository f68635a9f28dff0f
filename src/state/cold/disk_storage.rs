//! Storage in a file of a [`Disk`]: for the log of a checkpoint in a simulated run, on a disk that loses what a crash
//! loses.
//!
//! Owned by the server. What was written is read from memory, as a mapping would show it; only who comes after a crash
//! reads the file.

use super::error::ColdError;
use super::storage::Storage;
use crate::sys::disk::{Disk, DiskFile, Open};
use std::fs::File;
use std::io;
use std::path::Path;

/// A file of a disk, and its bytes.
#[derive(Debug)]
pub struct DiskStorage<F> {
    name: String,
    file: F,
    bytes: Vec<u8>,
}

impl<F: DiskFile> DiskStorage<F> {
    /// A new file at `path` of `disk`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create<D: Disk<File = F>>(disk: &D, path: &Path) -> Result<Self, ColdError> {
        let name = path.display().to_string();
        match disk.open(path, Open::Create) {
            Ok(file) => Ok(DiskStorage {
                name,
                file,
                bytes: Vec::new(),
            }),
            Err(source) => Err(ColdError::Io {
                name,
                what: "make",
                offset: 0,
                source,
            }),
        }
    }

    fn failed(
        &self,
        what: &'static str,
        offset: u64,
    ) -> impl FnOnce(io::Error) -> ColdError + use<F> {
        let name = self.name.clone();
        move |source| ColdError::Io {
            name,
            what,
            offset,
            source,
        }
    }
}

impl<F: DiskFile + Send + 'static> Storage for DiskStorage<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn grow(&mut self, len: u64) -> Result<(), ColdError> {
        let failed = self.failed("grow", self.len());
        self.file.allocate(len).map_err(failed)?;
        self.bytes.resize(len as usize, 0);
        Ok(())
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ColdError> {
        let failed = self.failed("write", offset);
        self.file.write_at(bytes, offset).map_err(failed)?;
        self.bytes[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn check(&mut self) -> Result<(), ColdError> {
        Ok(())
    }

    fn peek(&self, offset: u64, len: usize) -> &[u8] {
        let from = (offset as usize).min(self.bytes.len());
        &self.bytes[from..(from + len).min(self.bytes.len())]
    }

    fn sync(&mut self) -> Result<Option<File>, ColdError> {
        let failed = self.failed("sync", 0);
        self.file.sync().map_err(failed)?;
        Ok(None)
    }
}
