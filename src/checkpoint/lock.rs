//! The lock of a checkpoint directory: one engine, and its writer, at a time.
//!
//! `DIR/lock` is locked with `flock` and holds the pid of whoever took it. The lock belongs to the open
//! file, so a writer process that inherits a copy of it goes on holding it when the engine has died; it is
//! free when the last copy is closed, however that comes about. The file itself stays: to delete it would
//! let two processes lock two files of one name.

use super::error::CheckpointError;
use super::names::LOCK;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// A writer that outlives its engine holds the directory until it has finished; a run waits so long for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A held lock. It ends with the last copy of its file.
#[derive(Debug)]
pub struct DirLock {
    file: File,
}

/// Makes the directory `dir` where it is missing, and locks it.
///
/// # Errors
/// [`CheckpointError::Locked`] when another process holds it; when it cannot be made or written.
pub fn lock(dir: &Path) -> Result<DirLock, CheckpointError> {
    make_dirs(dir)?;
    let path = dir.join(LOCK);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options
        .open(&path)
        .map_err(CheckpointError::io(&path, "open it"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => {
            return Err(CheckpointError::io(&path, "lock it")(error));
        }
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Without it the message says less, and that is all.
            let _ = file.read_to_string(&mut pid);
            let pid = pid.trim();
            return Err(CheckpointError::Locked {
                dir: dir.display().to_string(),
                holder: if pid.is_empty() { "unknown" } else { pid }.to_owned(),
            });
        }
    }
    let mut lock = DirLock { file };
    lock.name_holder()
        .map_err(CheckpointError::io(&path, "write to it"))?;
    Ok(lock)
}

/// Makes `dir` and what is missing above it. A directory is safe once the one above it is synced: else the
/// checkpoints in it could be gone after a power failure, although they were durable.
fn make_dirs(dir: &Path) -> Result<(), CheckpointError> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|path| !path.exists()).collect();
    std::fs::create_dir_all(dir).map_err(CheckpointError::io(dir, "make it"))?;
    for made in missing {
        let above = match made.parent() {
            Some(above) if above.as_os_str().is_empty() => Path::new("."),
            Some(above) => above,
            None => continue,
        };
        File::open(above)
            .and_then(|above| above.sync_all())
            .map_err(CheckpointError::io(above, "sync it"))?;
    }
    Ok(())
}

/// The same, once the writer of a run that died has let go of it.
///
/// # Errors
/// As [`lock`]; `dir` is held for longer than a writer needs.
pub fn lock_patiently(dir: &Path) -> Result<DirLock, CheckpointError> {
    let asked = Instant::now();
    loop {
        match lock(dir) {
            Err(CheckpointError::Locked { .. }) if asked.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            held => return held,
        }
    }
}

/// Who holds the directory `dir`, as they wrote it; `None` if nobody does. Makes nothing.
///
/// # Errors
/// When there is no such directory, or its lock cannot be looked at.
pub fn holder(dir: &Path) -> Result<Option<String>, CheckpointError> {
    if !dir.exists() {
        let dir = dir.display().to_string();
        return Err(CheckpointError::Missing { dir });
    }
    let path = dir.join(LOCK);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CheckpointError::io(&path, "open it")(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::Error(error)) => Err(CheckpointError::io(&path, "lock it")(error)),
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            file.read_to_string(&mut pid)
                .map_err(CheckpointError::io(&path, "read it"))?;
            Ok(Some(pid.trim().to_owned()))
        }
    }
}

impl DirLock {
    /// The lock held through `file`, which was inherited from the process that took it.
    pub fn inherited(file: File) -> Self {
        DirLock { file }
    }

    /// Another handle of the same lock, to be handed to a writer process.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn copy(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Writes this process's pid into the file: a writer does when its engine has died.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn name_holder(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}", std::process::id())
    }
}

impl AsFd for DirLock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_the_error_says_who() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a/b");
        let held = lock(&path).expect("free");
        let copy = DirLock::inherited(held.copy().expect("a copy"));
        let error = lock(&path).expect_err("held");
        let pid = std::process::id().to_string();
        assert!(
            matches!(&error, CheckpointError::Locked { holder, .. } if *holder == pid),
            "{error}"
        );
        drop(held);
        assert!(lock(&path).is_err(), "the copy holds it still");
        assert_eq!(holder(&path).expect("there"), Some(pid));
        drop(copy);
        assert_eq!(holder(&path).expect("there"), None);
        assert!(holder(&path.join("c")).is_err(), "it is not made");
        lock(&path).expect("free again");
    }
}
