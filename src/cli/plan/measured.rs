//! Predicted against measured: the cores of a run as the model has them, beside what they did.

use super::super::error::CliError;
use super::basis::{Basis, partitions_of};
use super::stays::{Unknown, mean_loads, moves, stays};
use super::told::{CoreCompared, Measured};
use crate::latency::{Summary, read_summary};
use crate::schedule::tasks;
use std::path::Path;

/// A core that was busy for less of its time did nothing that a prediction could be compared with.
const IDLE: f64 = 0.001;

pub(super) fn compare(dir: &Path, basis: &Basis) -> Result<Measured, CliError> {
    compared(&read_summary(dir)?, &dir.display().to_string(), basis)
}

fn compared(summary: &Summary, run: &str, basis: &Basis) -> Result<Measured, CliError> {
    let made = tasks(&basis.stages, partitions_of(summary));
    let mut measured = Measured {
        run: run.to_owned(),
        events_per_s: summary.throughput_events_per_s,
        moved: None,
        cores: Vec::new(),
        busiest_off: None,
    };
    let stays = match stays(summary, &made.names) {
        Ok(stays) => stays,
        Err(Unknown::Tasks) => {
            return Err(CliError::usage(format!(
                "{run}: its tasks are not those of this flow: {} are expected, {} first",
                made.names.len(),
                made.names.first().map_or("", String::as_str)
            ))
            .expected("a run of the same flow"));
        }
        Err(Unknown::Moved(moves)) => {
            measured.moved = Some(format!(
                "tasks moved (moves: {moves}) and its summary does not say where they were meanwhile, so its cores are not compared; those of a run with --rebalance off can be"
            ));
            return Ok(measured);
        }
    };
    if moves(summary) > 0 {
        measured.moved = Some(format!(
            "tasks moved (moves: {}): predicted from where they were over time, each placement for the events of its time",
            moves(summary)
        ));
    }
    let loads = mean_loads(&made, summary.cores.len(), &stays);
    // From ns for a million events to the share of the time that the run took for its own.
    let per_event = 1.0 / 1e6;
    let events_per_ns = summary.events_in as f64 / summary.elapsed_ns.max(1) as f64;
    let cores = loads.iter().zip(&summary.cores).map(|(load, core)| {
        let predicted = load * per_event * events_per_ns;
        CoreCompared {
            core: core.core,
            predicted_busy_share: predicted,
            measured_busy_share: core.busy_share,
            off: off(predicted, core.busy_share),
        }
    });
    measured.cores = cores.collect();
    let cores = measured.cores.iter();
    let most = |of: fn(&CoreCompared) -> f64| cores.clone().map(of).fold(0.0, f64::max);
    measured.busiest_off = off(
        most(|core| core.predicted_busy_share),
        most(|core| core.measured_busy_share),
    );
    Ok(measured)
}

/// How far `predicted` is off; `None` where there is nothing to compare it with.
fn off(predicted: f64, measured: f64) -> Option<f64> {
    (measured >= IDLE).then(|| predicted / measured - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{
        BalanceSummary, ChronicleSummary, CoreChronicle, CoreSummary, MoveSummary, StageSummary,
        TaskChronicle,
    };
    use crate::schedule::StageLoad;

    fn basis() -> Basis {
        let stage = |name: &str, event_ns| StageLoad {
            name: name.into(),
            event_ns,
            events: 1.0,
            spread: None,
        };
        Basis {
            title: "a test".into(),
            stages: vec![stage("readings", 10.0), stage("totals", 20.0)],
            cores: 2,
            partitions: 1,
            costs: "given".into(),
            seed: 1,
        }
    }

    /// A million events in 30 ms, all of them on core 0, which was busy all the time; core 1 was idle.
    fn one_core() -> Summary {
        let core = |core, tasks: &[&str], busy_share| CoreSummary {
            core,
            tasks: tasks.iter().map(|task| task.to_string()).collect(),
            busy_share,
            ..CoreSummary::default()
        };
        let stage = |name: &str| StageSummary {
            name: name.into(),
            partitions: 1,
            ..StageSummary::default()
        };
        Summary {
            events_in: 1_000_000,
            elapsed_ns: 30_000_000,
            stages: vec![stage("readings"), stage("totals")],
            cores: vec![core(0, &["readings", "totals"], 1.0), core(1, &[], 0.0)],
            ..Summary::default()
        }
    }

    #[test]
    fn an_idle_core_is_compared_with_nothing() {
        let measured = compared(&one_core(), "one", &basis()).expect("the same flow");
        let offs: Vec<_> = measured.cores.iter().map(|core| core.off).collect();
        assert!(offs[0].is_some_and(|off| off.abs() < 1e-9), "{offs:?}");
        assert_eq!(offs[1], None);
        assert_eq!(measured.moved, None);
    }

    #[test]
    fn a_run_whose_tasks_moved_is_compared_by_where_they_were() {
        // All was done on core 0; at the very end, when nothing was left to do, one task went to core 1.
        let mut summary = one_core();
        summary.cores[0].tasks.pop();
        summary.cores[1].tasks.push("totals".into());
        summary.balance = Some(BalanceSummary {
            moves: vec![MoveSummary::default()],
            ..BalanceSummary::default()
        });
        let without = compared(&summary, "one", &basis()).expect("the same flow");
        assert!(without.cores.is_empty() && without.busiest_off.is_none());
        assert!(
            without
                .moved
                .is_some_and(|said| said.contains("not compared"))
        );
        let task = |task: &str, core: [u32; 2]| TaskChronicle {
            task: task.into(),
            core: core.map(Some).into(),
            ..TaskChronicle::default()
        };
        let core = |core, busy_share: [f64; 2]| CoreChronicle {
            core,
            busy_share: busy_share.into(),
        };
        summary.chronicle = Some(ChronicleSummary {
            ends_ns: vec![30_000_000, 30_000_001],
            cores: vec![core(0, [1.0, 0.0]), core(1, [0.0, 0.0])],
            tasks: vec![task("readings", [0, 0]), task("totals", [0, 1])],
        });
        let measured = compared(&summary, "one", &basis()).expect("the same flow");
        assert!(measured.moved.is_some_and(|said| said.contains("moves: 1")));
        let predicted: Vec<f64> = measured
            .cores
            .iter()
            .map(|core| core.predicted_busy_share)
            .collect();
        assert!((predicted[0] - 1.0).abs() < 1e-9, "{predicted:?}");
        assert_eq!(predicted[1], 0.0);
        assert!(measured.busiest_off.is_some_and(|off| off.abs() < 1e-9));
    }
}
