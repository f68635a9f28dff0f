//! Removes the directories of runs that are no longer needed.
//!
//! ```text
//!   for each older run, the oldest first:   its manifest ─ sync ─► its files ─► its directory;   sync
//! ```
//!
//! Without its manifest a run holds nothing to restore, so a crash in the middle leaves rubbish that says
//! what it is, and that the next call removes.

use super::error::CheckpointError;
use super::names::{MANIFEST, run_name, run_of};
use crate::sys::disk::Disk;
use crate::sys::kill_point;
use std::io;
use std::path::Path;

/// Removes every run before `run` from the checkpoint directory `dir`; returns which.
///
/// # Errors
/// When a name cannot be removed; what was removed until then stays so.
pub fn remove_older<D: Disk>(disk: &D, dir: &Path, run: u64) -> Result<Vec<u64>, CheckpointError> {
    let names = disk
        .list(dir)
        .map_err(CheckpointError::io(dir, "list it"))?;
    let mut older: Vec<u64> = names.iter().filter_map(|name| run_of(name)).collect();
    older.retain(|other| *other < run);
    older.sort_unstable();
    for other in &older {
        remove_run(disk, &dir.join(run_name(*other)))?;
        kill_point::reach("older-removed");
    }
    if !older.is_empty() {
        disk.sync_dir(dir)
            .map_err(CheckpointError::io(dir, "sync it"))?;
    }
    Ok(older)
}

fn remove_run<D: Disk>(disk: &D, run_dir: &Path) -> Result<(), CheckpointError> {
    let names = disk
        .list(run_dir)
        .map_err(CheckpointError::io(run_dir, "list it"))?;
    if names.iter().any(|name| name == MANIFEST) {
        remove(disk, &run_dir.join(MANIFEST))?;
        disk.sync_dir(run_dir)
            .map_err(CheckpointError::io(run_dir, "sync it"))?;
        kill_point::reach("older-disowned");
    }
    for name in names.iter().filter(|name| *name != MANIFEST) {
        remove(disk, &run_dir.join(name))?;
    }
    disk.remove_dir(run_dir)
        .map_err(CheckpointError::io(run_dir, "remove it"))
}

fn remove<D: Disk>(disk: &D, path: &Path) -> Result<(), CheckpointError> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(CheckpointError::io(path, "remove it")(error))
        }
        _ => Ok(()),
    }
}
