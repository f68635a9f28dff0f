//! Files of results: CSV, JSON lines or native, written by one thread off the cores.
//!
//! ```text
//!   last stage, partition 0:  FileSink ──ring──┐
//!   last stage, partition 1:  FileSink ──ring──┼──►  writer thread ─► encoder ─► .results.csv-….tmp
//!   …                                          │     (sleeps when                 │ finish(): flush, sync,
//!   last stage, partition p:  FileSink ──ring──┘      all are empty)              ▼ rename
//!                                                                             results.csv
//! ```
//!
//! A core pays for a copy into a ring, never for a format, a lock or a system call. A full ring is back-pressure:
//! the sink keeps what is left of the step and the task takes no more. When writing fails, the thread
//! goes on emptying the rings, so that a full disk ends in an error and never in a run that hangs.
//!
//! With checkpoints the file grows by durable epochs instead (`epoch_file.rs`): a partition's barrier is a mark in
//! its ring, at which the thread waits for the others.
//!
//! Invariant without checkpoints: the target is either untouched or a whole file. Only [`FileWriter::finish`] gives the file its
//! name, and only if every partition has reached its end and every row has been written and synced.

mod by_epochs;
mod destination;
mod encode;
mod epoch_file;
mod epoch_position;
mod error;
mod lexicon;
mod native;
mod native_read;
mod port;
mod stepped;
mod whole_file;
mod writer;

pub use by_epochs::ResultsPart;
pub use encode::FileFormat;
pub use error::SinkError;
pub use native_read::{NativeResults, read_native};
pub use port::FileSink;
pub use stepped::{SteppedEnd, SteppedFile};
pub use writer::FileWriter;
