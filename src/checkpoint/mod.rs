//! Checkpoints: the state of a flow at a barrier, in files that outlive the process.
//!
//! ```text
//!   core                         region shared with the writer        writer (a process, or a thread)
//!   task ─ barrier ─► Port ──► frames of one part, in a ring ──► Writer ──► part files ─ sync ─► manifest
//!        ◄──────────────────── what each rotation file holds ◄───────────── which epoch is durable
//!
//!   DIR/lock                        held by the engine and its writer
//!   DIR/run-000001/manifest         fixed slots, written last, synced, read back
//!   DIR/run-000001/aggregate-0.0    block b of a part always in the same place; three files in rotation,
//!   DIR/run-000001/aggregate-0.1    so that the two newest durable epochs are never written over
//!   DIR/run-000001/aggregate-0.2
//!   DIR/run-000001/aggregate-0-cold.log   entries of bounded state that are not in memory
//! ```
//!
//! Every run writes into a directory of its own; one that was restored from removes the older ones once it
//! has a durable epoch itself. Only the writer touches the files.
mod directory;
mod drain;
mod error;
mod lane;
mod layout;
mod listing;
mod lock;
mod log;
mod manifest;
mod names;
mod older;
mod owed;
mod part_file;
mod piece;
mod port;
mod process;
#[cfg(test)]
pub mod received;
pub mod record;
mod region;
mod saved;
mod shape;
mod slot;
mod snapshot;
mod staging;
mod writer;
pub use directory::{Directory, NextRun, Rejected, Wanted, next_run};
pub use drain::Drain;
pub use error::CheckpointError;
pub use listing::{EpochState, ListedEpoch, ListedRun};
pub use lock::{DirLock, holder, lock, lock_patiently};
pub use log::{MapHeader, Record, log_path};
pub use names::{LETTERS, run_name};
pub use older::remove_older;
pub use owed::{Copied, OwedBlocks, block_shift};
pub use piece::{Piece, Settled};
pub use port::{Begun, Expected, Inflow, Port, Slot};
pub use process::{Running, WriterKind, WriterOrder, serve};
pub use record::LOG_HEADER_BYTES;
pub use region::Region;
pub use saved::Saved;
pub use shape::{Kind, PartShape, Shape};
pub use snapshot::Snapshot;
pub use writer::{Writer, next_target};

/// Files in rotation for each part: two durable epochs to fall back on, and one being written.
pub const ROTATION: usize = 3;
