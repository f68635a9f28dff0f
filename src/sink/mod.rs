//! Sinks: where results end, are counted and stamped.
mod end;
mod file;
mod interval;
mod rows;
mod sinks;
mod xxh3_48;
pub use end::{Sink, SinkEnd};
pub use file::{
    FileFormat, FileSink, FileWriter, NativeResults, ResultsPart, SinkError, SteppedEnd,
    SteppedFile, read_native,
};
pub use interval::{EpochPart, IntervalCollector, IntervalPort, interval_port};
pub use rows::{COLUMN_NAME_BYTES, Column, KeyTexts, Kind, NoTexts, Row, row_words};
pub use sinks::{Collect, Digest, Digestible, ForEach};
pub use xxh3_48::xxh3_48;
