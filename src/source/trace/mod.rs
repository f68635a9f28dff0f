//! Trace files: real events on disk, in every format that people keep them in.
//!
//! ```text
//!   file ─► decompress ─► reader of the format ─► schema (bytes → Record) ─► intake ─► blocks of Record
//!           (by magic)    delimited, json_lines,   columns, types, clock     │  order: clamp, sort, fail
//!                         keys, oracle_general,                              ├► texts: u64 → text
//!                         arc, native                                        └► dead letters
//! ```
//!
//! Reading is streaming and single-threaded: a `Trace` is owned by one reader thread. What it holds at a
//! time is bounded by the longest record, one block and the sort bound; only `Texts` grows with the trace.
//!
//! Invariant: every record of the file is delivered, late, held back for sorting, or a dead letter; `Counts` says which.
mod arc;
mod columns;
mod compression;
mod convert;
mod dead_letter;
mod delimited;
mod description;
mod error;
mod fenced;
mod fixed;
mod info;
mod intake;
mod json_lines;
mod lines;
mod live;
pub mod native;
mod number;
mod open;
mod options;
mod order;
mod recognise;
mod record;
mod schema;
mod stamp;
mod texts;
mod whole_file;

pub use compression::Compression;
pub use convert::{Converted, Target, convert};
pub use description::{Description, MappedColumn, UnitOrigin};
pub use error::{ErrorKind, Place, TraceError};
pub use info::{Disordered, InterArrival, TopKey, TraceInfo, ValueSpan, info};
pub use intake::Counts;
pub use open::{BLOCK_RECORDS, Progress, Trace, open, open_with_texts};
pub use options::{
    Column, Disorder, FieldType, Format, Header, OnBadRecord, TimeUnit, TraceOptions,
};
pub use record::Record;
pub use texts::{Text, Texts};
