//! What can go wrong with a cold tier, and what to do about it.

use crate::task::TaskError;
use std::io;

/// Why a cold tier cannot start or go on. A run that meets one ends: no state is ever lost in silence.
#[derive(Debug, thiserror::Error)]
pub enum ColdError {
    /// Sizes that do not fit each other.
    #[error("cold tier: {what}")]
    Options {
        /// Which, its value, and what would do.
        what: String,
    },
    /// The file cannot be grown.
    #[error(
        "{name}: no room to grow the cold tier from {len} to {wanted} bytes: {free}; free some space, \
         give another state.dir, or a larger state.memory"
    )]
    Full {
        /// The file.
        name: String,
        /// Its bytes so far.
        len: u64,
        /// Bytes it needs.
        wanted: u64,
        /// What is free.
        free: String,
        /// The system's word.
        source: io::Error,
    },
    /// More records than locations can name.
    #[error(
        "{name}: the cold tier of one partition holds {segments} segments of {segment_bytes} bytes and no more; \
         use more partitions, or a larger state.memory"
    )]
    TooLarge {
        /// The file.
        name: String,
        /// How many there are.
        segments: u32,
        /// Their size.
        segment_bytes: u64,
    },
    /// Another program cut the file.
    #[error(
        "{name}: the cold tier's file has {found} bytes and had {expected}: another program cut it, and the \
         state in it is lost; start again with a state.dir that nothing else writes to"
    )]
    Cut {
        /// The file.
        name: String,
        /// Bytes it should have.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// A record is not what was written.
    #[error(
        "{name}: record {location} at byte {offset}, key {key}: its checksum is {found:#010x}, of its bytes \
         {computed:#010x}; the file was changed by another program or the disk returned other bytes than were \
         written; the state of this key is lost, so the run ends: check the disk (kernel log, smartctl) and \
         start again with another state.dir"
    )]
    Corrupt {
        /// The file.
        name: String,
        /// Number of the record.
        location: u32,
        /// Its first byte in the file.
        offset: u64,
        /// The key that was wanted, or the one the record names.
        key: u64,
        /// Checksum in the record.
        found: u32,
        /// Checksum of what is there.
        computed: u32,
    },
    /// The file cannot be read or written.
    #[error(
        "{name}: cannot {what} the cold tier's file at byte {offset}: {source}; check the disk of state.dir"
    )]
    Io {
        /// The file.
        name: String,
        /// "read", "write", …
        what: &'static str,
        /// First byte.
        offset: u64,
        /// The system's word.
        source: io::Error,
    },
    /// More keys of one fingerprint than can be asked for at a time.
    #[error(
        "{name}: {candidates} cold keys have the same upper 32 bits of their hash as key {key}, more than the \
         {reads_max} reads that may be under way; such keys are made, not met: check where they come from"
    )]
    Collisions {
        /// The file.
        name: String,
        /// The key.
        key: u64,
        /// Keys of this fingerprint.
        candidates: usize,
        /// The limit.
        reads_max: usize,
    },
    /// The directory cannot be used.
    #[error(
        "state.dir {path}: cannot {what} it: {source}; give a directory that this user may write to"
    )]
    Dir {
        /// The directory.
        path: String,
        /// "make", "write to", …
        what: &'static str,
        /// The system's word.
        source: io::Error,
    },
    /// Another process uses the directory.
    #[error(
        "state.dir {path} is in use by the process with pid {holder}: end that one, or give each its own state.dir"
    )]
    Locked {
        /// The directory.
        path: String,
        /// Pid of the process, as it wrote it.
        holder: String,
    },
    /// The file is open already.
    #[error(
        "{name} is in use: two stages of one name and partition, or another process; rename one of them"
    )]
    InUse {
        /// The file.
        name: String,
    },
    /// The file is there and is none of ours.
    #[error(
        "{name} is not a file of a cold tier, so it is not overwritten: move it, or give another state.dir"
    )]
    Foreign {
        /// The file.
        name: String,
    },
    /// The helper thread has panicked.
    #[error(
        "{name}: the thread that reads and writes the cold tier has ended unexpectedly; see its message above"
    )]
    Helper {
        /// The file.
        name: String,
    },
}

impl From<ColdError> for TaskError {
    fn from(error: ColdError) -> Self {
        TaskError {
            message: error.to_string(),
            cause: Some(Box::new(error)),
        }
    }
}
