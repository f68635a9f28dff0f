//! The disk as the parts that must survive a crash see it: files with positions, and when they are safe.
//!
//! What is written is safe only once the file was synced, and a new name, a rename or a removal only once
//! its directory was. Everything that writes for a later run goes through [`Disk`], so that the same code
//! runs on the machine's files and on a simulated disk that loses, tears and reorders what was not synced.
//! After a sync has failed, what was written before it may be gone: it is never tried again on that file.

use std::io;
use std::path::Path;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// To be read; it must exist.
    Read,
    /// To be read and written; it must exist.
    Write,
    /// To be read and written; it must not exist yet.
    Create,
}

/// A place for files.
pub trait Disk: Clone + Send + Sync + 'static {
    /// One of its files.
    type File: DiskFile;

    /// Opens the file at `path`.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, path: &Path, open: Open) -> io::Result<Self::File>;

    /// Makes the directory `path`, whose parent exists. Fine if it is there already.
    ///
    /// # Errors
    /// The system's.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Gives the file `from` the name `to`, in place of a file that has it.
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The system's.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    ///
    /// # Errors
    /// The system's.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// The names in the directory `path`, in order.
    ///
    /// # Errors
    /// The system's.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Makes new names, renames and removals in `path` safe.
    ///
    /// # Errors
    /// The system's.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// What the clock on the wall says, ms since 1970 UTC; 0 on a disk without one, where nothing may
    /// differ from one run to the next.
    fn wall_ms(&self) -> u64 {
        0
    }
}

/// A file of a [`Disk`].
pub trait DiskFile: Send + 'static {
    /// Its length, bytes.
    ///
    /// # Errors
    /// The system's.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has no bytes.
    ///
    /// # Errors
    /// The system's.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::UnexpectedEof`] where the file ends before.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// The system's; some of the bytes may have been written.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Takes room for `len` bytes from the disk, so that writing below it finds its place. Never shortens.
    ///
    /// # Errors
    /// The system's: no room.
    fn allocate(&mut self, len: u64) -> io::Result<()>;

    /// Cuts or lengthens it to `len` bytes.
    ///
    /// # Errors
    /// The system's.
    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// Makes what was written safe, and the length.
    ///
    /// # Errors
    /// The system's; then nothing that was written since the last sync may be relied on.
    fn sync(&mut self) -> io::Result<()>;
}
