//! What can go wrong with checkpoints, and what to do about it.

use std::io;
use std::path::Path;

/// Why a checkpoint cannot be written, read or trusted.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file or directory cannot be used.
    #[error("{path}: cannot {what}: {source}; {}", remedy(source))]
    Io {
        /// The file or directory.
        path: String,
        /// "read at byte 4096", "sync", …
        what: String,
        /// The system's word.
        source: io::Error,
    },
    /// There is no such directory.
    #[error(
        "checkpoint.dir {dir} does not exist: check the path; a run with checkpoint.dir makes one"
    )]
    Missing {
        /// The directory.
        dir: String,
    },
    /// The directory has nothing in it.
    #[error(
        "checkpoint.dir {dir} is empty, so there is nothing to restore: check the path, or start without --restore"
    )]
    Empty {
        /// The directory.
        dir: String,
    },
    /// The directory holds something else.
    #[error(
        "checkpoint.dir {dir} holds no run of checkpoints, but other files ({found}): give another directory"
    )]
    Foreign {
        /// The directory.
        dir: String,
        /// Some of what is in it.
        found: String,
    },
    /// No epoch was ever durable.
    #[error(
        "checkpoint.dir {dir}: no run in it has finished a checkpoint ({why}), so there is nothing to restore: start \
         without --restore"
    )]
    NothingDurable {
        /// The directory.
        dir: String,
        /// What the runs hold, newest first.
        why: String,
    },
    /// Nothing in it can be trusted.
    #[error(
        "checkpoint.dir {dir}: no checkpoint in it is whole: {rejected}; look at it with `millstream checkpoint ls \
         {dir}`, restore a copy of the directory, or remove it and start anew without --restore"
    )]
    Damaged {
        /// The directory.
        dir: String,
        /// What was rejected and why, newest first.
        rejected: String,
    },
    /// The epoch asked for is not there.
    #[error("checkpoint.dir {dir} holds no epoch {epoch}; it holds {known}")]
    NoSuchEpoch {
        /// The directory.
        dir: String,
        /// The epoch.
        epoch: u64,
        /// Those that are there.
        known: String,
    },
    /// Written by a newer program.
    #[error(
        "{path}: written in version {found} of the checkpoint format, this program reads up to version {known}: use \
         the version of millstream that wrote it, or a newer one"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// Bytes are not what was written.
    #[error(
        "{path}: {what} at byte {offset} is {found}, expected {expected}: the file was changed by another program or \
         the disk returned other bytes than were written; check the disk (kernel log, smartctl)"
    )]
    Corrupt {
        /// The file.
        path: String,
        /// What stands there.
        what: String,
        /// Its first byte in the file.
        offset: u64,
        /// What was found.
        found: String,
        /// What should be there.
        expected: String,
    },
    /// Another process holds the directory.
    #[error(
        "checkpoint.dir {dir} is in use by the process with pid {holder}: end that one, or give each its own \
         checkpoint.dir"
    )]
    Locked {
        /// The directory.
        dir: String,
        /// Pid of the process, as it wrote it.
        holder: String,
    },
    /// A run that starts anew finds checkpoints.
    #[error(
        "checkpoint.dir {dir} holds checkpoints of an earlier run: go on from them with --restore latest, give another directory, or remove it to start anew"
    )]
    NotEmpty {
        /// The directory.
        dir: String,
    },
    /// The writer cannot be started.
    #[error("cannot start the writer of checkpoints: no {what}: {source}")]
    Start {
        /// What is missing.
        what: &'static str,
        /// The system's word.
        source: io::Error,
    },
    /// A part that no file can hold.
    #[error("part {part} of the flow cannot be checkpointed: {what}")]
    Shape {
        /// Its name.
        part: String,
        /// Which figure, its value, and what would do.
        what: String,
    },
    /// A part could not hand over its state.
    #[error(
        "epoch {epoch}: part {part} gave up, its state could not be handed over in time; the epoch is void: give a \
         larger checkpoint.staging, or a longer checkpoint.interval"
    )]
    GaveUp {
        /// The epoch.
        epoch: u64,
        /// The part.
        part: String,
    },
    /// Pieces that do not follow each other.
    #[error("epoch {epoch}: {what}; this is an error of the program, the epoch is void")]
    Order {
        /// The epoch.
        epoch: u64,
        /// What came when.
        what: String,
    },
}

impl CheckpointError {
    /// For `map_err`: what of `path` failed.
    pub(super) fn io(path: &Path, what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let (path, what) = (path.display().to_string(), what.into());
        move |source| CheckpointError::Io { path, what, source }
    }

    pub(super) fn corrupt(
        path: &Path,
        what: impl Into<String>,
        offset: u64,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        CheckpointError::Corrupt {
            path: path.display().to_string(),
            what: what.into(),
            offset,
            found: found.into(),
            expected: expected.into(),
        }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or give another checkpoint.dir"
        }
        io::ErrorKind::FileTooLarge => {
            "raise the file-size limit (ulimit -f), or use more partitions"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "give a checkpoint.dir that this user may write to"
        }
        io::ErrorKind::NotFound => "it was removed while it was in use, or the path is wrong",
        io::ErrorKind::UnexpectedEof => "the file is shorter than what was written: it was cut",
        _ => "check the disk of checkpoint.dir (kernel log, smartctl)",
    }
}
