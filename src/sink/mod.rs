//! Sinks: where results end, are counted and stamped.
mod end;
mod interval;
mod sinks;
mod xxh3_48;
pub use end::{Sink, SinkEnd};
pub use interval::{EpochPart, IntervalCollector, IntervalPort, interval_port};
pub use sinks::{Collect, Digest, Digestible, ForEach};
pub use xxh3_48::xxh3_48;
