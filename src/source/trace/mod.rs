//! Trace files: real events on disk, in every format that people keep them in.
mod record;
pub use record::Record;
