//! The cold tier: entries that the hot table has no room for, in a log-structured file per partition.
//!
//! ```text
//!   task's core:  Cold  ── evict ─► frame ─┐                         ┌─► pwrite      helper thread
//!                   │   ── fetch ─► index ─┼─► requests ─► ColdServer┼─► mapped read
//!                   └───────── poll ◄──────┴── answers ◄─────────────┘
//! ```
//!
//! As in FASTER (Chandramouli et al., SIGMOD 2018) and Bitcask, evicted entries are appended and an index in
//! memory says where the latest record of a key is; as in LFS (Rosenblum and Ousterhout 1992), the log is cut
//! into segments, and the one with the fewest live records is emptied and used again. The tier is
//! *exclusive*: a key that is fetched leaves the index, and its record is garbage from then on.
//!
//! [`Cold`] is the task's half: it owns the index and the frames being filled and never blocks, calls the
//! system or allocates per event. [`ColdServer`] is the other half: it owns the file. Nothing is trusted
//! from a file of an earlier run, unless a checkpoint speaks of it: then the file is that checkpoint's log (`capture.rs`,
//! `checkpoint/log.rs`), which a restored run reads into a cold tier of its own.
//!
//! Invariant: every cold key has exactly one index entry, and the record it names is live in [`segments`];
//! at any time a key is in the hot table, cold, or on its way between, never in two of them.
mod capture;
mod compaction;
mod disk_storage;
mod error;
mod fetch;
mod file;
mod index;
mod late;
mod layout;
mod message;
mod options;
mod segments;
mod server;
mod state_dir;
mod storage;
mod sync;
mod thread;
mod tier;
mod visit;
mod waiting;

pub use capture::LogShape;
pub use disk_storage::DiskStorage;
pub use error::ColdError;
pub use fetch::{Fetch, Remove, Reply};
pub use file::FileStorage;
pub use options::ColdOptions;
pub use server::ColdServer;
pub use state_dir::StateDir;
pub use storage::{Faults, MemoryStorage, Storage};
pub use sync::{SyncThread, Syncer};
pub use thread::ColdThread;
pub use tier::{Cold, cold_tier};

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tier_tests;
