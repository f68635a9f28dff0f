//! Runtime: steps tasks, on pinned threads or under a seeded simulation.
mod core;
mod idle;
mod run;
mod simulate;
mod watchdog;
pub use idle::Idle;
pub use run::{CoreFigures, PlacedTask, RunError, RunOptions, RunRecord, Update, run, spare_cpus};
pub use simulate::{Beside, SimulateError, simulate, simulate_beside};
