//! The directory of a run's state, `state.dir`: held by one process at a time.
//!
//! ```text
//!   state.dir/  lock                 locked for the run; the pid of whoever holds it inside
//!               <stage>-<n>.cold     a file a partition, gone when the run ends well
//! ```
//!
//! The lock is the kernel's (`flock`) and goes with the process however that ends; so a killed run leaves
//! files, which the next one empties, but never a directory that cannot be used. The `lock` file itself
//! stays: to delete it would let two processes lock two files of one name.

use super::error::ColdError;
use super::file::{FileStorage, path_of};
use super::options::ColdOptions;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The open lock file.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// A locked directory. The lock ends with the last of this value and the files opened through it.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
    lock: Arc<Lock>,
}

impl StateDir {
    /// Makes the directory where it is missing, and locks it.
    ///
    /// # Errors
    /// When it cannot be made or written, or another process holds it.
    pub fn open(path: &Path) -> Result<Self, ColdError> {
        let failed = |what, source| ColdError::Dir {
            path: path.display().to_string(),
            what,
            source,
        };
        std::fs::create_dir_all(path).map_err(|error| failed("make", error))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let opened = options.open(path.join("lock"));
        let mut file = opened.map_err(|error| failed("write to", error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                let pid = pid.trim();
                return Err(ColdError::Locked {
                    path: path.display().to_string(),
                    holder: if pid.is_empty() { "unknown" } else { pid }.to_owned(),
                });
            }
        }
        let told = file.set_len(0).and_then(|()| file.rewind());
        told.and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| failed("write to", error))?;
        Ok(StateDir {
            path: path.to_owned(),
            lock: Arc::new(Lock { _file: file }),
        })
    }

    /// Storage for the partition of a stage that `options` name, in a file of its own.
    ///
    /// # Errors
    /// When the file cannot be opened, is in use, or is none of ours.
    pub fn cold_file(&self, stage: &str, options: &ColdOptions) -> Result<FileStorage, ColdError> {
        let path = path_of(&self.path, stage, options.partition);
        FileStorage::open(path, options.grow_bytes, Some(self.lock.clone()))
    }
}
