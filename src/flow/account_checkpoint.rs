//! What checkpoints took of a run's time, put together over tasks and cores.

use crate::latency::{CheckpointSummary, merge, new_histogram, percentiles};
use crate::runtime::RunRecord;
use crate::task::CheckpointFigures;
use hdrhistogram::Histogram;

/// `made`, with the times that tasks and cores took.
pub(super) fn with_pauses(mut made: CheckpointSummary, record: &RunRecord) -> CheckpointSummary {
    let figures = record.figures.iter();
    let tasks: Vec<&CheckpointFigures> = figures
        .filter_map(|task| task.checkpoints.as_deref())
        .collect();
    let over_tasks = |of: fn(&CheckpointFigures) -> &Histogram<u64>| {
        let mut all = new_histogram();
        tasks.iter().for_each(|task| merge(&mut all, of(task)));
        percentiles(&all)
    };
    made.pause_ns = percentiles(&record.checkpoint_pauses);
    made.core_barrier_ns = percentiles(&record.barrier_pauses);
    made.barrier_ns = over_tasks(|task| &task.barrier);
    made.block_ns = over_tasks(|task| &task.block);
    made.step_ns = over_tasks(|task| &task.step);
    made.step_between_ns = over_tasks(|task| &task.step_between);
    made.copies = tasks.iter().map(|task| task.copies).sum();
    let most = tasks.iter().map(|task| task.copies_step_max);
    made.copies_step_max = most.max().unwrap_or(0);
    made
}
