//! Predicted against measured: the cores of a run as the model has them, beside what they did.

use super::super::error::CliError;
use super::basis::{Basis, partitions_of};
use super::told::{CoreCompared, Measured};
use crate::latency::{Summary, read_summary};
use crate::schedule::{core_loads, tasks};
use std::path::Path;

/// The core of each task of `names`, as a run says; `None` if it had other tasks.
pub(super) fn placed_on(summary: &Summary, names: &[String]) -> Option<Vec<usize>> {
    let core_of = |name: &String| {
        let mut cores = summary.cores.iter();
        cores.position(|core| core.tasks.contains(name))
    };
    names.iter().map(core_of).collect()
}

pub(super) fn compare(dir: &Path, basis: &Basis) -> Result<Measured, CliError> {
    let summary = read_summary(dir)?;
    let place = dir.display();
    let made = tasks(&basis.stages, partitions_of(&summary));
    let Some(placed) = placed_on(&summary, &made.names) else {
        return Err(CliError::usage(format!(
            "{place}: its tasks are not those of this flow: {} are expected, {} first",
            made.names.len(),
            made.names.first().map_or("", String::as_str)
        ))
        .expected("a run of the same flow"));
    };
    let loads = core_loads(&made.loads, &made.links, summary.cores.len(), &placed);
    // From ns for a million events to the share of the time that the run took for its own.
    let per_event = 1.0 / 1e6;
    let events_per_ns = summary.events_in as f64 / summary.elapsed_ns.max(1) as f64;
    let cores = loads.iter().zip(&summary.cores).map(|(load, core)| {
        let predicted = load * per_event * events_per_ns;
        CoreCompared {
            core: core.core,
            predicted_busy_share: predicted,
            measured_busy_share: core.busy_share,
            off: predicted / core.busy_share - 1.0,
        }
    });
    let cores: Vec<CoreCompared> = cores.collect();
    let most = |of: fn(&CoreCompared) -> f64| cores.iter().map(of).fold(0.0, f64::max);
    let busiest_off =
        most(|core| core.predicted_busy_share) / most(|core| core.measured_busy_share) - 1.0;
    Ok(Measured {
        run: place.to_string(),
        events_per_s: summary.throughput_events_per_s,
        cores,
        busiest_off,
    })
}
