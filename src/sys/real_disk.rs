//! The machine's files as a [`Disk`].
//!
//! ```text
//!   plain    write_at = pwrite                        sync = fdatasync
//!   mapped   write_at = copy into a shared mapping    sync = msync, fdatasync      (the writer process only)
//! ```
//!
//! The mapped flavour is for a process that nobody waits for: pages of a shared writable mapping that the
//! kernel writes back stall every thread of the process that maps them.
//!
//! Invariant: room is taken from the disk (`fallocate`) before a byte is mapped, and the file's length is
//! looked at before each copy, so that neither a full disk nor a file that was cut ends in SIGBUS. Nothing
//! is asked of the system beyond the file-size limit, which would answer with SIGXFSZ.

use super::disk::{Disk, DiskFile, Open};
use super::mapping::map_shared;
use memmap2::MmapMut;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Zeros written at a time where the file system cannot preallocate.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// The machine's files.
#[derive(Clone, Copy, Debug)]
pub struct RealDisk {
    mapped: bool,
}

impl RealDisk {
    /// Writes with `pwrite`.
    pub fn plain() -> Self {
        RealDisk { mapped: false }
    }

    /// Writes through shared mappings.
    pub fn mapped() -> Self {
        RealDisk { mapped: true }
    }
}

impl Disk for RealDisk {
    type File = RealFile;

    fn open(&self, path: &Path, open: Open) -> io::Result<RealFile> {
        let mut options = OpenOptions::new();
        options.read(true);
        match open {
            Open::Read => {}
            Open::Write => _ = options.write(true),
            Open::Create => _ = options.write(true).create_new(true),
        }
        let file = options.open(path)?;
        let written = match (self.mapped, open) {
            (false, _) | (_, Open::Read) => Written::Plain,
            (true, _) => Written::Mapped(map_all(&file)?),
        };
        Ok(RealFile { file, written })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match std::fs::create_dir(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            // A name that is not text is none of ours; it is shown as well as it can be.
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn wall_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis() as u64)
    }
}

/// How a file is written.
#[derive(Debug)]
enum Written {
    /// With `pwrite`.
    Plain,
    /// Through a mapping of all of it; none while it is empty.
    Mapped(Option<MmapMut>),
}

/// One of the machine's files.
#[derive(Debug)]
pub struct RealFile {
    file: File,
    written: Written,
}

fn map_all(file: &File) -> io::Result<Option<MmapMut>> {
    let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    (len > 0).then(|| map_shared(file, len)).transpose()
}

/// An error where a file of `end` bytes would be beyond the process's limit.
fn within_limit(end: u64) -> io::Result<()> {
    match getrlimit(Resource::Fsize).current {
        Some(limit) if end > limit => Err(Errno::FBIG.into()),
        _ => Ok(()),
    }
}

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let end = offset + bytes.len() as u64;
        let len = self.len()?;
        if end > len {
            within_limit(end)?;
        }
        if let Written::Mapped(Some(map)) = &mut self.written {
            if len < map.len() as u64 {
                return Err(io::Error::other(format!(
                    "another program cut the file from {} to {len} bytes",
                    map.len()
                )));
            }
            if let Some(place) = map.get_mut(offset as usize..end as usize) {
                place.copy_from_slice(bytes);
                return Ok(());
            }
        }
        self.file.write_all_at(bytes, offset)
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        let old = self.len()?;
        if len <= old {
            return Ok(());
        }
        within_limit(len)?;
        match fallocate(&self.file, FallocateFlags::empty(), old, len - old) {
            Ok(()) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                let mut at = old;
                while at < len {
                    let count = (len - at).min(ZEROS.len() as u64) as usize;
                    self.file.write_all_at(&ZEROS[..count], at)?;
                    at += count as u64;
                }
            }
            Err(error) => return Err(error.into()),
        }
        self.map_again()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        within_limit(len)?;
        if let Written::Mapped(map) = &mut self.written {
            // Never a mapping of more than there is.
            if let Some(map) = map.take() {
                map.flush()?;
            }
        }
        self.file.set_len(len)?;
        if len > 0 {
            // What a longer file got is a hole: it must have room before it is mapped.
            fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, len).or_else(|error| {
                match (error, &self.written) {
                    (Errno::OPNOTSUPP | Errno::NOSYS, Written::Plain) => Ok(()),
                    _ => Err(error),
                }
            })?;
        }
        self.map_again()
    }

    fn sync(&mut self) -> io::Result<()> {
        if let Written::Mapped(Some(map)) = &self.written {
            map.flush()?;
        }
        self.file.sync_data()
    }
}

impl RealFile {
    fn map_again(&mut self) -> io::Result<()> {
        if let Written::Mapped(map) = &mut self.written {
            *map = map_all(&self.file)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(disk: RealDisk) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        let mut file = disk.open(&path, Open::Create).expect("made");
        assert!(disk.open(&path, Open::Create).is_err(), "it is there");
        file.allocate(10_000).expect("room");
        file.write_at(b"one", 9_997).expect("written");
        file.allocate(20_000).expect("room");
        file.write_at(b"two", 10_000).expect("written");
        file.sync().expect("safe");
        file.allocate(5).expect("it never shortens");
        assert_eq!(file.len().expect("a length"), 20_000);
        let file = disk.open(&path, Open::Read).expect("there");
        let mut bytes = [1; 8];
        file.read_at(&mut bytes, 9_996).expect("read");
        assert_eq!(&bytes, b"\0onetwo\0");
        let beyond = file.read_at(&mut bytes, 19_996).expect_err("the end");
        assert_eq!(beyond.kind(), ErrorKind::UnexpectedEof);

        let mut file = disk.open(&path, Open::Write).expect("there");
        file.set_len(9_998).expect("cut");
        file.write_at(b"three", 9_998)
            .expect("written behind the end");
        file.sync().expect("safe");
        file.read_at(&mut bytes[..6], 9_997).expect("read");
        assert_eq!(&bytes[..6], b"othree");
        disk.create_dir(dir.path()).expect("it is there already");
        disk.rename(&path, &dir.path().join("a")).expect("renamed");
        assert_eq!(disk.list(dir.path()).expect("names"), ["a"]);
        disk.sync_dir(dir.path()).expect("safe");
    }

    #[test]
    fn what_is_written_is_read() {
        round_trip(RealDisk::plain());
        round_trip(RealDisk::mapped());
    }

    #[test]
    fn a_mapped_file_that_was_cut_is_an_error_and_no_signal() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        let mut file = RealDisk::mapped().open(&path, Open::Create).expect("made");
        file.allocate(100_000).expect("room");
        std::fs::File::options()
            .write(true)
            .open(&path)
            .and_then(|other| other.set_len(10))
            .expect("cut");
        let error = file.write_at(b"x", 90_000).expect_err("it was cut");
        assert!(error.to_string().contains("another program cut"), "{error}");
    }
}
