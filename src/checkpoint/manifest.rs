//! A run's manifest, as its writer sees it.
//!
//! ```text
//!   create, and after an error:  manifest.new ─ write all ─ sync ─► rename to manifest ─ sync directory
//!   an epoch:                    slot in its place ─ sync ─ read back, compare ─► durable
//! ```
//!
//! Owned by the writer. Invariant: `slots` are those of epochs that are known to be durable, or unused; so
//! a manifest that failed is made anew from them, under a new inode. Slots are filled in turn.

use super::error::CheckpointError;
use super::names::{MANIFEST, MANIFEST_NEW};
use super::shape::Shape;
use super::slot::{ManifestHeader, SLOTS, Slot};
use crate::sys::disk::{Disk, DiskFile, Open};
use crate::sys::kill_point;
use std::io;
use std::path::PathBuf;

pub(super) struct Manifest<D: Disk> {
    run_dir: PathBuf,
    path: PathBuf,
    header: ManifestHeader,
    /// None after an error.
    file: Option<D::File>,
    slots: Vec<Vec<u8>>,
    /// The slot that is filled next.
    next: usize,
}

impl<D: Disk> Manifest<D> {
    /// Makes the manifest of a run, without any epoch, in its directory.
    pub(super) fn create(
        disk: &D,
        run_dir: PathBuf,
        run: u64,
        shape: &Shape,
    ) -> Result<Self, CheckpointError> {
        let header = ManifestHeader::new(run, shape);
        let unused = Slot::unused(run, shape).bytes(header.slot_bytes);
        let mut manifest = Manifest {
            path: run_dir.join(MANIFEST),
            run_dir,
            header,
            file: None,
            slots: vec![unused; SLOTS],
            next: 0,
        };
        manifest.make(disk)?;
        Ok(manifest)
    }

    /// Writes the slot of an epoch whose files are safe; it is durable once this returns without an error.
    /// Returns the bytes written.
    pub(super) fn write(&mut self, disk: &D, slot: &Slot) -> Result<u64, CheckpointError> {
        if self.file.is_none() {
            self.make(disk)?;
            kill_point::reach("file-recreated");
        }
        let bytes = slot.bytes(self.header.slot_bytes);
        let offset = self.header.slot_offset(self.next);
        if let Err(error) = self.write_slot(&bytes, offset) {
            self.file = None;
            return Err(error);
        }
        self.slots[self.next] = bytes;
        self.next = (self.next + 1) % SLOTS;
        Ok(self.header.slot_bytes)
    }

    fn write_slot(&mut self, bytes: &[u8], offset: u64) -> Result<(), CheckpointError> {
        let failed = |what: &str| {
            CheckpointError::io(&self.path, format!("{what} the slot at byte {offset}"))
        };
        let Some(file) = &mut self.file else {
            return Err(failed("write")(io::Error::other("it is not open")));
        };
        file.write_at(bytes, offset).map_err(failed("write"))?;
        kill_point::reach("manifest-written");
        file.sync().map_err(failed("sync"))?;
        kill_point::reach("manifest-synced");
        let mut found = vec![0; bytes.len()];
        file.read_at(&mut found, offset)
            .map_err(failed("read back"))?;
        match found
            .iter()
            .zip(bytes)
            .position(|(found, wrote)| found != wrote)
        {
            None => Ok(()),
            Some(at) => Err(CheckpointError::corrupt(
                &self.path,
                "the slot just written",
                offset + at as u64,
                found[at].to_string(),
                bytes[at].to_string(),
            )),
        }
    }

    fn make(&mut self, disk: &D) -> Result<(), CheckpointError> {
        let new = self.run_dir.join(MANIFEST_NEW);
        match disk.remove(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(CheckpointError::io(&new, "remove it after an error")(error));
            }
            _ => {}
        }
        let failed = |what: &'static str| CheckpointError::io(&new, what);
        let mut file = disk.open(&new, Open::Create).map_err(failed("make it"))?;
        file.allocate(self.header.end())
            .map_err(failed("grow it"))?;
        let page = self.header.page();
        let mut offset = 0;
        for bytes in [&page, &page].into_iter().chain(&self.slots) {
            file.write_at(bytes, offset).map_err(failed("write"))?;
            offset += bytes.len() as u64;
        }
        file.sync().map_err(failed("sync it"))?;
        disk.rename(&new, &self.path).map_err(failed("rename it"))?;
        disk.sync_dir(&self.run_dir)
            .map_err(CheckpointError::io(&self.run_dir, "sync it"))?;
        self.file = Some(file);
        Ok(())
    }
}
