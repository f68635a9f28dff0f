//! What can be wrong with a file of results: which file, what was tried, and what to do.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// A file of results that cannot be written, or read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The system refused.
    #[error("{}: cannot {doing} it: {source}; {remedy}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What was tried: "create", "write", "read".
        doing: &'static str,
        /// What to do.
        remedy: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// Something stands there that a rename must not replace.
    #[error("{}: {what}, and results replace what they are written to; name a regular file", file.display())]
    NotAFile {
        /// The path.
        file: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Two sinks of this process write one file.
    #[error("{}: another sink is writing it; give each sink a file of its own", file.display())]
    Twice {
        /// The file.
        file: PathBuf,
    },
    /// A file that is not what a checkpoint says of it.
    #[error("{}: not the file of the checkpoint: {problem}; put the file of that run back, with the .after-… files beside it, or start afresh without --restore", file.display())]
    NotOfCheckpoint {
        /// The file.
        file: PathBuf,
        /// What differs.
        problem: String,
    },
    /// A format that has an end, which a file that grows does not have.
    #[error("{}: a native file is written whole or not at all, so it cannot grow by epochs; choose csv or jsonl (sink.kind), or run without checkpoints", file.display())]
    NotByEpochs {
        /// The file.
        file: PathBuf,
    },
    /// Asked to finish although the stream has not ended.
    #[error("{}: not written, since {missing} of {partitions} partitions did not reach the end of the stream; finish it after a run that succeeded", file.display())]
    Unfinished {
        /// The file.
        file: PathBuf,
        /// Partitions whose sink did not see the end.
        missing: usize,
        /// Partitions.
        partitions: usize,
    },
    /// The writer thread panicked.
    #[error("{}: not written, since its writer thread panicked; the panic's message says where to look", file.display())]
    Panicked {
        /// The file.
        file: PathBuf,
    },
    /// Bytes that are not those of a native file of results.
    #[error("{}, byte {offset}: {what}; found {found}; expected {expected}; write it again", file.display())]
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
    },
}

impl SinkError {
    pub(super) fn io(file: impl Into<PathBuf>, doing: &'static str, source: io::Error) -> Self {
        let remedy = match source.kind() {
            ErrorKind::StorageFull => "free space there, or name a file on another disk",
            ErrorKind::QuotaExceeded => "free space within your quota, or name a file elsewhere",
            ErrorKind::FileTooLarge => "raise the limit (ulimit -f), or write fewer results",
            ErrorKind::PermissionDenied => "check owner and mode of its directory",
            ErrorKind::ReadOnlyFilesystem => "name a file on a file system that can be written",
            ErrorKind::NotFound => "check that its directory exists",
            _ => "check the disk",
        };
        SinkError::Io {
            file: file.into(),
            doing,
            remedy,
            source,
        }
    }

    /// The exit code of a command that ends with this error: 2 for a path that cannot be meant, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            SinkError::NotAFile { .. }
            | SinkError::Twice { .. }
            | SinkError::NotByEpochs { .. } => 2,
            _ => 1,
        }
    }
}
