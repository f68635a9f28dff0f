//! What can be wrong with a journal: which file, where, what was found, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// A journal that cannot be written, or read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The system refused.
    #[error("{}: cannot {doing} it: {source}; check the disk, or name another directory (journal.dir)", file.display())]
    Io {
        /// The file or directory.
        file: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// Bytes that are not what was written, where more was written behind them.
    #[error("{}, byte {offset}: {what}; found {found}; expected {expected}; {remedy}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: &'static str,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Records that are not there.
    #[error("{}: record {asked} is not in it, which holds {first} to {end}; restore the checkpoint that belongs to it, or remove the directory and start afresh", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
        /// The record asked for.
        asked: u64,
        /// The first there is.
        first: u64,
        /// Behind the last there is.
        end: u64,
    },
    /// The bound is reached.
    #[error("{}: it has {bytes} bytes and may have {bytes_max}; it is trimmed when a checkpoint becomes durable: take them more often (checkpoint.interval), see why they fail, or allow it more", dir.display())]
    Full {
        /// The directory.
        dir: PathBuf,
        /// Bytes it has.
        bytes: u64,
        /// Bytes it may have.
        bytes_max: u64,
    },
}

impl JournalError {
    pub(super) fn io(file: &Path, doing: &'static str, source: io::Error) -> Self {
        JournalError::Io {
            file: file.to_path_buf(),
            doing,
            source,
        }
    }
}
