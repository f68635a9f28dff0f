//! Scheduling: which task runs on which core.
//!
//! ```text
//!   loads (ns of core time a second of stream) ─┐
//!   links (events a second between two tasks)  ─┼─► plan ─► Placement { core of each task, objective }
//!   cores, allocator, seed                     ─┘
//! ```
//!
//! Pure: nothing here knows a thread, a CPU or a ring. All allocators are judged by one objective, that of
//! `model.rs`: the load of the busiest core, crossings included.

mod allocator;
mod baseline;
mod chains;
mod error;
mod exact;
mod greedy;
mod kinds;
mod model;
mod predict;
mod spread;
#[cfg(test)]
mod tests;
pub use allocator::{Allocator, plan};
pub use error::AllocateError;
pub use model::{
    CROSSING_NS, Link, OBJECTIVE, Placement, SOURCE_NS, STAGE_NS, TaskLoad, core_loads,
};
pub use predict::{Bound, Prediction, StageLoad, Tasks, predict, tasks};
pub use spread::{HotShare, KeyCensus, Spread};
