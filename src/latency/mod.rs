//! Latency: intended time to result, how it is recorded, and how it is told.
//!
//! ```text
//!   buckets ─► histogram ─► interval ─► timeline ─┐
//!                   └─► percentiles ─► summary ───┴─► report ─► summary.json  environment.json  config.toml
//!                                          │                    latency.hgrm  latency.hlog  timeline.csv
//!                                          ├─► text             report.html
//!                                          └─► compare
//! ```
mod buckets;
mod compare;
mod compare_text;
mod curve;
mod figure;
mod hgrm;
mod histogram;
mod hlog;
mod html;
mod html_bars;
mod html_cache;
mod html_checkpoint;
mod html_chronicle;
mod html_gantt;
mod html_keys;
mod html_pipeline;
mod html_section;
mod interval;
mod paint;
mod report;
mod report_error;
#[cfg(test)]
mod sample;
mod summary;
mod summary_allocation;
mod summary_balance;
mod summary_cache;
mod summary_checkpoint;
mod summary_chronicle;
mod summary_keys;
mod text;
mod text_balance;
mod text_cache;
mod text_checkpoint;
mod text_keys;
mod text_table;
mod timeline;

pub use buckets::Buckets;
pub use compare::{Comparison, Difference, Row, compare, compare_directories};
pub use histogram::{HIGHEST_NS, compact, merge, new_histogram, percentiles, record};
pub(crate) use html::{Page, escape, page};
pub use interval::{INTERVALS_MAX, Interval, Timeline};
pub(crate) use paint::Paint;
pub(crate) use report::write_together;
pub use report::{Report, read_summary};
pub use report_error::ReportError;
pub use summary::*;
pub use summary_allocation::{AllocationSummary, GIVEN};
pub use summary_balance::{BalanceSummary, MoveSummary, TaskSummary};
pub use summary_cache::{CacheSummary, ColdSummary};
pub use summary_checkpoint::{CheckpointSummary, RestoredSummary};
pub use summary_chronicle::{ChronicleSummary, CoreChronicle, TaskChronicle};
pub use summary_keys::{HotKey, HotKeys, KEY_SHARE_LISTED};
pub use text::text;
