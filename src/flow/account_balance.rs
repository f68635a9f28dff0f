//! The account of what tasks cost and where they went.

use super::options::Options;
use crate::latency::{BalanceSummary, MoveSummary, StageSummary, TaskSummary};
use crate::runtime::{RunRecord, TaskFigures};

fn event_ns(busy_ns: u64, events: u64) -> Option<f64> {
    (events > 0 && busy_ns > 0).then(|| busy_ns as f64 / events as f64)
}

/// Each task, in the order of the plan.
pub(super) fn tasks(record: &RunRecord) -> Vec<TaskSummary> {
    let task = |task: &TaskFigures| TaskSummary {
        task: task.name.clone(),
        core: task.core as u32,
        events: task.events,
        event_ns: event_ns(task.busy_ns, task.events),
        load: load(task, record),
    };
    record.tasks.iter().map(task).collect()
}

fn load(task: &TaskFigures, record: &RunRecord) -> f64 {
    task.busy_ns as f64 / record.elapsed_ns.max(1) as f64
}

/// Adds to each stage, in the order of the flow, what its tasks cost.
pub(super) fn with_costs(mut stages: Vec<StageSummary>, record: &RunRecord) -> Vec<StageSummary> {
    let indexes = record.figures.iter().map(|figures| figures.stage_index);
    for (at, stage) in stages.iter_mut().enumerate() {
        let tasks = record.tasks.iter().zip(indexes.clone());
        let tasks: Vec<&TaskFigures> = tasks
            .filter(|(_, index)| *index == at)
            .map(|(task, _)| task)
            .collect();
        let busy_ns = tasks.iter().map(|task| task.busy_ns).sum();
        let events = tasks.iter().map(|task| task.events).sum();
        stage.event_ns = event_ns(busy_ns, events);
        let loads = tasks.iter().map(|task| load(task, record));
        stage.load = loads.clone().sum();
        stage.load_max = loads.fold(0.0, f64::max);
    }
    stages
}

/// How tasks were moved.
pub(super) fn balance(record: &RunRecord, options: &Options) -> BalanceSummary {
    let mut pauses: Vec<u64> = record.moves.iter().map(|step| step.pause_ns).collect();
    pauses.sort_unstable();
    let moves = record.moves.iter().map(|step| MoveSummary {
        task: record.tasks[step.task].name.clone(),
        from: step.from as u32,
        to: step.to as u32,
        at_ns: step.at_ns,
        pause_ns: step.pause_ns,
        reason: step.reason.word().into(),
    });
    BalanceSummary {
        rebalance: options.balance.on,
        pause_ns_p50: pauses.get(pauses.len() / 2).copied(),
        pause_ns_max: pauses.last().copied(),
        moves: moves.collect(),
    }
}
