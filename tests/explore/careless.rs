//! Checkpoints over a disk that breaks one of its promises: what a writer that forgot a step would be.

use crate::explore::subject::begin_on;
use crate::explore::{Begun, Checkpoints, Found, Subject};
use millstream::checkpoint::{Piece, ROTATION, Settled, Shape, Writer};
use millstream::sys::disk::{Disk, DiskFile, Open};
use millstream::sys::simulated_disk::{SimulatedDisk, SimulatedFile};
use std::io;
use std::path::Path;

/// The promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carelessness {
    /// Files are never synced.
    NoSync,
    /// Part files are not synced, manifests are.
    NoSyncOfParts,
    /// Manifests are not synced, part files are.
    NoSyncOfManifests,
    /// Directories are never synced.
    NoSyncOfNames,
    /// A sync that fails is tried again.
    SyncTriedAgain,
    /// A write that fails is taken for one that did not.
    WriteErrorsIgnored,
}

impl Carelessness {
    pub(crate) const ALL: [Carelessness; 6] = [
        Carelessness::NoSync,
        Carelessness::NoSyncOfParts,
        Carelessness::NoSyncOfManifests,
        Carelessness::NoSyncOfNames,
        Carelessness::SyncTriedAgain,
        Carelessness::WriteErrorsIgnored,
    ];
}

/// What is explored.
pub(crate) struct Careless(pub(crate) Carelessness);

#[derive(Clone)]
pub(crate) struct CarelessDisk(SimulatedDisk, Carelessness);

pub(crate) struct CarelessFile {
    file: SimulatedFile,
    how: Carelessness,
    is_manifest: bool,
}

impl Subject for Careless {
    type Writer = Writer<CarelessDisk>;

    fn begin(&self, disk: &SimulatedDisk, shape: &Shape) -> Result<Begun<Self::Writer>, String> {
        begin_on(&CarelessDisk(disk.clone(), self.0), shape)
    }

    fn files(&self, writer: &Self::Writer) -> [u64; ROTATION] {
        writer.files()
    }

    fn take(&self, writer: &mut Self::Writer, part: usize, piece: Piece<'_>) -> Option<Settled> {
        writer.take(part, piece);
        writer.settle()
    }

    fn recover(&self, disk: &SimulatedDisk) -> Result<Found, String> {
        Checkpoints.recover(disk)
    }
}

impl Disk for CarelessDisk {
    type File = CarelessFile;

    fn open(&self, path: &Path, open: Open) -> io::Result<CarelessFile> {
        Ok(CarelessFile {
            file: self.0.open(path, open)?,
            how: self.1,
            is_manifest: path.to_string_lossy().contains("manifest"),
        })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.0.remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        match self.1 {
            Carelessness::NoSyncOfNames => Ok(()),
            Carelessness::SyncTriedAgain => {
                self.0.sync_dir(path).or_else(|_| self.0.sync_dir(path))
            }
            _ => self.0.sync_dir(path),
        }
    }
}

impl DiskFile for CarelessFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(bytes, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self.how {
            Carelessness::WriteErrorsIgnored => self.file.write_at(bytes, offset).or(Ok(())),
            _ => self.file.write_at(bytes, offset),
        }
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.how {
            Carelessness::NoSync => Ok(()),
            Carelessness::NoSyncOfParts if !self.is_manifest => Ok(()),
            Carelessness::NoSyncOfManifests if self.is_manifest => Ok(()),
            Carelessness::SyncTriedAgain => self.file.sync().or_else(|_| self.file.sync()),
            _ => self.file.sync(),
        }
    }
}
