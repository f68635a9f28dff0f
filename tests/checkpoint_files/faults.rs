//! A disk that fails when it is told to: the epoch is void, the ones before stay, the next is good, and no
//! file that failed is trusted again.

use crate::support::{Model, assert_holds, latest, shape};
use millstream::checkpoint::{Settled, Writer};
use millstream::sys::disk::{Disk, DiskFile, Open};
use millstream::sys::real_disk::{RealDisk, RealFile};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The operation that fails next: its name, part of the path, how often it is passed by before.
type Fault = Option<(&'static str, &'static str, u32)>;

/// The machine's disk with a clock that stands still and one fault at a time.
#[derive(Clone, Default)]
pub(crate) struct Faulty {
    fault: Arc<Mutex<Fault>>,
}

pub(crate) struct FaultyFile {
    file: RealFile,
    path: PathBuf,
    disk: Faulty,
}

impl Faulty {
    pub(crate) const WALL_MS: u64 = 1_700_000_000_000;

    fn fail(&self, operation: &'static str, path: &'static str, passes: u32) {
        *self.fault.lock().expect("unpoisoned") = Some((operation, path, passes));
    }

    fn is_spent(&self) -> bool {
        self.fault.lock().expect("unpoisoned").is_none()
    }

    fn check(&self, operation: &str, path: &Path) -> io::Result<()> {
        let mut fault = self.fault.lock().expect("unpoisoned");
        match &mut *fault {
            Some((failing, part, passes))
                if *failing == operation && path.to_string_lossy().ends_with(*part) =>
            {
                if *passes > 0 {
                    *passes -= 1;
                    return Ok(());
                }
                *fault = None;
                let kind = if operation == "allocate" {
                    ErrorKind::StorageFull
                } else {
                    ErrorKind::Other
                };
                Err(io::Error::new(kind, "injected"))
            }
            _ => Ok(()),
        }
    }
}

impl Disk for Faulty {
    type File = FaultyFile;

    fn open(&self, path: &Path, open: Open) -> io::Result<FaultyFile> {
        self.check("open", path)?;
        Ok(FaultyFile {
            file: RealDisk::plain().open(path, open)?,
            path: path.to_owned(),
            disk: self.clone(),
        })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk::plain().create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check("rename", to)?;
        RealDisk::plain().rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk::plain().remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk::plain().remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        RealDisk::plain().list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.check("sync_dir", path)?;
        RealDisk::plain().sync_dir(path)
    }

    fn wall_ms(&self) -> u64 {
        Faulty::WALL_MS
    }
}

impl DiskFile for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(bytes, offset)?;
        // A read that does not fail, but brings other bytes than were written.
        if self.disk.check("rot", &self.path).is_err() {
            bytes[100] ^= 1;
        }
        Ok(())
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        // A write that fails leaves half of it.
        if let Err(error) = self.disk.check("write", &self.path) {
            self.file.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        self.file.write_at(bytes, offset)
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        self.disk.check("allocate", &self.path)?;
        self.file.allocate(len)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.check("sync", &self.path)?;
        self.file.sync()
    }
}

fn inode(path: &Path) -> u64 {
    std::fs::metadata(path).expect("a file").ino()
}

/// The inode of `path`, under a second name, so that its number is not given away again.
fn held_inode(path: &Path) -> u64 {
    std::fs::hard_link(path, path.with_extension("held")).expect("linked");
    inode(path)
}

#[test]
fn an_epoch_that_fails_is_void_and_its_file_is_made_anew() {
    // What fails, and the file whose inode must change for it.
    let faults = [
        ("sync", "aggregate-0.0", "aggregate-0.0"),
        ("sync", "readings-0.0", "readings-0.0"),
        ("write", "aggregate-1.0", "aggregate-1.0"),
        ("allocate", "aggregate-1.0", "aggregate-1.0"),
        ("sync", "manifest", "manifest"),
        ("write", "manifest", "manifest"),
        ("rot", "manifest", "manifest"),
    ];
    for (operation, path, anew) in faults {
        // The manifest is opened under the name it has while it is made.
        let path = if path == "manifest" {
            "manifest.new"
        } else {
            path
        };
        let dir = tempfile::tempdir().expect("a directory");
        let disk = Faulty::default();
        let run_dir = dir.path().join("run-000001");
        let mut writer = Writer::new(disk.clone(), run_dir.clone(), shape(), 1).expect("a writer");
        let mut model = Model::new(shape(), 1);
        for fill in 1..=3 {
            model.change(1, 3, fill);
            model.change(2, 9, fill);
            model.set_extras(1, 9000, fill);
            model.durable(&mut writer);
        }
        let third = model.clone();
        let before = held_inode(&run_dir.join(anew));
        disk.fail(operation, path, 0);
        model.change(1, 3, 77);
        model.change(2, 200, 77);
        let settled = model.capture(&mut writer, None);
        assert!(disk.is_spent(), "{operation} of {path} never came");
        assert!(
            matches!(&settled, Settled::Aborted { .. }),
            "{operation} of {path}: {settled:?}"
        );
        assert_eq!(writer.files(), [0, 2, 3], "{operation} of {path}");
        let (snapshot, _) = latest(dir.path());
        // A slot whose sync failed may be there all the same, with all that it names.
        match snapshot.epoch {
            3 => assert_holds(
                &snapshot,
                &Model {
                    parts: third.parts.clone(),
                    ..third
                },
            ),
            epoch => assert!(epoch == 4 && anew == "manifest", "{operation} of {path}"),
        }
        model.set_extras(1, 10, 1);
        let state = model.clone();
        model.durable(&mut writer);
        assert_eq!(writer.files(), [5, 2, 3], "{operation} of {path}");
        let (snapshot, rejected) = latest(dir.path());
        assert_eq!(rejected, [""; 0], "{operation} of {path}");
        assert_holds(&snapshot, &state);
        assert_ne!(
            inode(&run_dir.join(anew)),
            before,
            "{operation} of {path}: the same inode"
        );
    }
}

#[test]
fn a_directory_that_cannot_be_synced_makes_its_new_files_untrusted() {
    let dir = tempfile::tempdir().expect("a directory");
    let disk = Faulty::default();
    let run_dir = dir.path().join("run-000001");
    let mut writer = Writer::new(disk.clone(), run_dir.clone(), shape(), 1).expect("a writer");
    let mut model = Model::new(shape(), 1);
    model.change(1, 3, 1);
    disk.fail("sync_dir", "run-000001", 0);
    let settled = model.capture(&mut writer, None);
    assert!(matches!(settled, Settled::Aborted { .. }), "{settled:?}");
    let before = held_inode(&run_dir.join("aggregate-0.0"));
    let state = model.clone();
    model.durable(&mut writer);
    assert_ne!(inode(&run_dir.join("aggregate-0.0")), before);
    assert_holds(&latest(dir.path()).0, &state);
}

#[test]
fn what_an_aborted_epoch_left_behind_reads_as_zero_in_the_next() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = Writer::new(
        RealDisk::mapped(),
        dir.path().join("run-000001"),
        shape(),
        1,
    )
    .expect("a writer");
    let mut model = Model::new(shape(), 1);
    model.set_extras(1, 40_000, 0xff);
    model.change(1, 0, 1);
    model.durable(&mut writer);
    // The part grows over the places of its extras, with blocks that nobody touched.
    model.grow(1, 12);
    model.set_extras(1, 10, 0xff);
    for abort in [Some(2), None, None, None] {
        let state = model.clone();
        if let Settled::Durable { .. } = model.capture(&mut writer, abort) {
            assert_holds(&latest(dir.path()).0, &state);
        }
    }
}
