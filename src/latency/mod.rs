//! Latency: intended time to result, how it is recorded, and how it is told.
mod report;
mod summary;
pub use report::{Interval, Report};
pub use summary::*;
mod histogram;
pub use histogram::{new_histogram, record};
