//! Where the tasks of a run were: one placement, or one after the other where tasks moved.
//!
//! ```text
//!   summary.json    chronicle   │ span │ span │ span │ span │ …     core of each task, busy share of each core
//!   stays                       ├── placement A ──┼─ B ─┼─ C …     weighed by how busy all cores were meanwhile
//! ```
//!
//! What a run did as a whole is compared with what all its placements come to, each for the events that were worked on
//! in it: time would count hours without events as much as those with all of them.

use crate::latency::{ChronicleSummary, Summary};
use crate::schedule::{Tasks, core_loads};

/// The cores of all tasks for some time.
#[derive(Debug, PartialEq)]
pub(super) struct Stay {
    /// The core of each task.
    placed: Vec<usize>,
    /// What all cores together were busy for meanwhile; in which unit does not matter.
    busy: f64,
}

/// Why it is not known where tasks were.
#[derive(Debug, PartialEq)]
pub(super) enum Unknown {
    /// The run had other tasks.
    Tasks,
    /// They moved, so often, and the summary does not say where they were meanwhile.
    Moved(usize),
}

/// Moves of a run.
pub(super) fn moves(summary: &Summary) -> usize {
    summary.balance.as_ref().map_or(0, |made| made.moves.len())
}

/// Where the tasks of `names` were, in the order of time.
pub(super) fn stays(summary: &Summary, names: &[String]) -> Result<Vec<Stay>, Unknown> {
    let core_of = |name: &String| {
        let mut cores = summary.cores.iter();
        cores.position(|core| core.tasks.contains(name))
    };
    let last: Option<Vec<usize>> = names.iter().map(core_of).collect();
    let last = last.ok_or(Unknown::Tasks)?;
    let moved = moves(summary);
    if moved == 0 {
        return Ok(vec![Stay {
            placed: last,
            busy: 1.0,
        }]);
    }
    let told = summary.chronicle.as_ref();
    told.and_then(|told| over_time(told, names, summary.cores.len()))
        .ok_or(Unknown::Moved(moved))
}

/// The stays that a chronicle tells of; `None` where it lacks a task, or nothing was done.
fn over_time(told: &ChronicleSummary, names: &[String], cores: usize) -> Option<Vec<Stay>> {
    let of_task = |name| told.tasks.iter().find(|task| &task.task == name);
    let columns: Vec<_> = names.iter().map(of_task).collect::<Option<_>>()?;
    let columns = columns.iter().map(|task| &task.core);
    let mut placed: Vec<usize> = columns
        .clone()
        .map(|column| first_core(column))
        .collect::<Option<_>>()?;
    let mut stays: Vec<Stay> = Vec::new();
    for (span, length_ns) in told.lengths_ns().enumerate() {
        for (core, column) in placed.iter_mut().zip(columns.clone()) {
            // One that has ended takes nothing, wherever it is said to be.
            if let Some(Some(now)) = column.get(span) {
                *core = *now as usize;
            }
        }
        if placed.iter().any(|core| *core >= cores) {
            return None;
        }
        let shares = told
            .cores
            .iter()
            .filter_map(|core| core.busy_share.get(span));
        let busy = shares.sum::<f64>() * length_ns as f64;
        match stays.last_mut() {
            Some(stay) if stay.placed == placed => stay.busy += busy,
            _ => stays.push(Stay {
                placed: placed.clone(),
                busy,
            }),
        }
    }
    stays.retain(|stay| stay.busy > 0.0);
    (!stays.is_empty()).then_some(stays)
}

fn first_core(column: &[Option<u32>]) -> Option<usize> {
    let first = column.iter().find_map(|core| *core)?;
    Some(first as usize)
}

/// The load of each core over all stays, crossings included, in the unit of the tasks' loads: for as many events as
/// these are for.
pub(super) fn mean_loads(made: &Tasks, cores: usize, stays: &[Stay]) -> Vec<f64> {
    let loads = stays
        .iter()
        .map(|stay| core_loads(&made.loads, &made.links, cores, &stay.placed));
    let loads: Vec<Vec<f64>> = loads.collect();
    // Cores that were busy for so long had so many events, as much as each of them asks for in this placement.
    let events = loads.iter().zip(stays).map(|(loads, stay)| {
        let asked: f64 = loads.iter().sum();
        stay.busy / asked.max(f64::MIN_POSITIVE)
    });
    let events: Vec<f64> = events.collect();
    let all: f64 = events.iter().sum();
    let mut mean = vec![0.0; cores];
    for (loads, events) in loads.iter().zip(&events) {
        for (sum, load) in mean.iter_mut().zip(loads) {
            *sum += load * events / all;
        }
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{BalanceSummary, CoreChronicle, CoreSummary, MoveSummary, TaskChronicle};
    use crate::schedule::TaskLoad;

    /// Two cores. For the first 300 ms both tasks are on core 0, which is full; then `b` goes to core 1, and core 0 is
    /// full and core 1 half.
    fn moved() -> Summary {
        let core = |core, tasks: &[&str]| CoreSummary {
            core,
            tasks: tasks.iter().map(|task| task.to_string()).collect(),
            ..CoreSummary::default()
        };
        let chronicle = ChronicleSummary {
            ends_ns: vec![100, 300, 400, 600],
            cores: vec![
                CoreChronicle {
                    core: 0,
                    busy_share: vec![1.0; 4],
                },
                CoreChronicle {
                    core: 1,
                    busy_share: vec![0.0, 0.0, 0.5, 0.5],
                },
            ],
            tasks: vec![
                TaskChronicle {
                    task: "a".into(),
                    core: vec![Some(0), Some(0), Some(0), None],
                    ..TaskChronicle::default()
                },
                TaskChronicle {
                    task: "b".into(),
                    core: vec![Some(0), Some(0), Some(1), Some(1)],
                    ..TaskChronicle::default()
                },
            ],
        };
        Summary {
            cores: vec![core(0, &["a"]), core(1, &["b"])],
            balance: Some(BalanceSummary {
                moves: vec![MoveSummary::default()],
                ..BalanceSummary::default()
            }),
            chronicle: Some(chronicle),
            ..Summary::default()
        }
    }

    fn names() -> Vec<String> {
        vec!["a".into(), "b".into()]
    }

    fn made() -> Tasks {
        Tasks {
            loads: [20.0, 10.0].map(|load_ns| TaskLoad { load_ns }).into(),
            links: Vec::new(),
            names: names(),
            keys: vec![None, None],
        }
    }

    #[test]
    fn tasks_that_moved_count_for_each_core_as_long_as_it_had_them() {
        let stays = stays(&moved(), &names()).expect("it is told");
        assert_eq!(stays.len(), 2, "{stays:?}");
        assert_eq!((&*stays[0].placed, stays[0].busy), (&[0, 0][..], 300.0));
        assert_eq!((&*stays[1].placed, stays[1].busy), (&[0, 1][..], 450.0));
        // 30 ns an event: 10 events in the first stay and 15 in the second.
        let mean = mean_loads(&made(), 2, &stays);
        assert!(
            (mean[0] - (10.0 * 30.0 + 15.0 * 20.0) / 25.0).abs() < 1e-9,
            "{mean:?}"
        );
        assert!((mean[1] - 15.0 * 10.0 / 25.0).abs() < 1e-9, "{mean:?}");
    }

    #[test]
    fn tasks_that_stayed_are_where_they_were_at_the_end() {
        let mut summary = moved();
        summary.balance = None;
        let stays = stays(&summary, &names()).expect("it is told");
        assert_eq!(stays.len(), 1);
        assert_eq!(mean_loads(&made(), 2, &stays), [20.0, 10.0]);
    }

    #[test]
    fn what_is_not_told_is_not_guessed() {
        let mut summary = moved();
        let others = vec!["c".to_owned()];
        assert_eq!(stays(&summary, &others), Err(Unknown::Tasks));
        let chronicle = summary.chronicle.as_mut().expect("it has one");
        chronicle.tasks[0].core[1] = Some(7);
        assert_eq!(stays(&summary, &names()), Err(Unknown::Moved(1)));
        summary.chronicle = None;
        assert_eq!(stays(&summary, &names()), Err(Unknown::Moved(1)));
    }
}
