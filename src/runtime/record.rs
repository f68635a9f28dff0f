//! The record of a run: what its cores and its meters leave, put together when all have ended.

use super::chronicle::Span;
use super::conductor::{MoveReason, Ordered};
use super::core::{Arrival, CoreEnd, Failure, Shared};
use super::epochs::Epochs;
use super::reading::timed_over_estimated;
use super::run::{RunError, RunOptions};
use crate::latency::{Interval, merge, new_histogram};
use crate::sys::clock::{Origin, START_NS};
use crate::task::Figures;
use hdrhistogram::Histogram;
use std::time::Instant;

/// What one core did.
#[derive(Clone, Debug, Default)]
pub struct CoreFigures {
    /// CPU it was pinned to.
    pub cpu: Option<u32>,
    /// Share of its time in rounds that moved something.
    pub busy_share: f64,
}

/// What one task did, by its meter.
#[derive(Clone, Debug, Default)]
pub struct TaskFigures {
    /// Name.
    pub name: String,
    /// The core it was on at the end.
    pub core: usize,
    /// Time in steps that moved something, ns, estimated from samples.
    pub busy_ns: u64,
    /// Events taken in, or offered.
    pub events: u64,
    /// Messages that fit in its rings, all together; 0: it has none.
    pub ring_slots: usize,
}

/// A task that was moved while the run went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveFigures {
    /// Its index in the plan.
    pub task: usize,
    /// Where it was.
    pub from: usize,
    /// Where it went.
    pub to: usize,
    /// When its last step on the old core ended, ns since the start.
    pub at_ns: u64,
    /// From there to the start of its first step on the new core, ns.
    pub pause_ns: u64,
    /// Why.
    pub reason: MoveReason,
}

/// What a run leaves.
pub struct RunRecord {
    /// Of each task, in the order of the plan.
    pub figures: Vec<Figures>,
    /// Of each core.
    pub cores: Vec<CoreFigures>,
    /// Of each task, in the order of the plan.
    pub tasks: Vec<TaskFigures>,
    /// Tasks that were moved, in the order in which they were.
    pub moves: Vec<MoveFigures>,
    /// What each task and core did over time.
    pub chronicle: Vec<Span>,
    /// From the start to the end of the core that took longest, ns.
    pub elapsed_ns: u64,
    /// Hiccups of the machine, all cores.
    pub hiccups: Histogram<u64>,
    /// What checkpoints took of each round of a core in which there was work for one, ns; all cores.
    pub checkpoint_pauses: Histogram<u64>,
    /// What barriers of checkpoints took of each round of a core in which there was one, ns; all cores.
    pub barrier_pauses: Histogram<u64>,
    /// Closed epochs.
    pub intervals: Vec<Interval>,
    /// When the run's clock started.
    pub started: Instant,
    /// "tsc" or "instant".
    pub clock_source: &'static str,
    /// Largest resident anonymous memory seen, bytes.
    pub memory_peak_bytes: u64,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// What the calling thread knows of a run beside what its cores tell.
pub(super) struct Told<'a> {
    pub(super) shared: &'a Shared,
    pub(super) names: &'a [String],
    /// The core that each task was on at the start.
    pub(super) places: Vec<usize>,
    /// Messages that fit in the rings of each task.
    pub(super) ring_slots: Vec<usize>,
    pub(super) chronicle: Vec<Span>,
    pub(super) ordered: Vec<Ordered>,
    pub(super) epochs: Epochs,
    pub(super) origin: Origin,
    pub(super) crowded: bool,
}

pub(super) fn assemble(
    mut outcome: Vec<(usize, Option<u32>, CoreEnd)>,
    told: Told<'_>,
    options: &RunOptions,
) -> Result<RunRecord, RunError> {
    let (epochs, crowded) = (told.epochs, told.crowded);
    let tasks = told.names.len();
    outcome.sort_by_key(|(core, ..)| *core);
    let seconds = outcome
        .first()
        .map_or(0, |(.., end)| end.hiccup_ns_max.len());
    let mut hiccup_ns_max = vec![0u64; seconds];
    let mut record = RunRecord {
        figures: (0..tasks).map(|_| Figures::default()).collect(),
        cores: Vec::new(),
        tasks: Vec::new(),
        moves: Vec::new(),
        chronicle: told.chronicle,
        elapsed_ns: 0,
        hiccups: new_histogram(),
        checkpoint_pauses: new_histogram(),
        barrier_pauses: new_histogram(),
        intervals: Vec::new(),
        started: Instant::now(),
        clock_source: told.origin.source(),
        memory_peak_bytes: 0,
        warnings: Vec::new(),
    };
    if crowded {
        record.warnings.push(format!(
            "{} cores share fewer CPUs: they yield instead of spinning, and the tail shows it",
            options.cores
        ));
    }
    let mut arrivals = Vec::new();
    let cores_busy_ns = outcome.iter().map(|(.., end)| end.busy_ns).sum();
    for (core, cpu, end) in outcome {
        match end.failure {
            Some(Failure::Panicked {
                task,
                event,
                reason,
            }) => {
                return Err(RunError::Panicked {
                    task,
                    event,
                    reason,
                });
            }
            Some(Failure::Failed { task, error }) => return Err(RunError::Failed { task, error }),
            None => {}
        }
        if options.pin && cpu.is_none() && !crowded {
            record.warnings.push(format!(
                "core {core} could not be pinned to a CPU: the tail may suffer"
            ));
        }
        for (index, figures) in end.figures {
            record.figures[index] = figures;
        }
        merge(&mut record.hiccups, &end.hiccups);
        merge(&mut record.checkpoint_pauses, &end.checkpoint_pauses);
        merge(&mut record.barrier_pauses, &end.barrier_pauses);
        for (worst, core) in hiccup_ns_max.iter_mut().zip(&end.hiccup_ns_max) {
            *worst = (*worst).max(*core);
        }
        record.elapsed_ns = record.elapsed_ns.max(end.total_ns);
        arrivals.extend(end.arrivals.into_iter().map(|arrival| (core, arrival)));
        let busy_share = end.busy_ns as f64 / end.total_ns.max(1) as f64;
        record.cores.push(CoreFigures { cpu, busy_share });
    }
    record.moves = moves(arrivals, &told.ordered);
    record.tasks = told
        .names
        .iter()
        .zip(&told.shared.tasks)
        .enumerate()
        .map(|(task, (name, meter))| TaskFigures {
            name: name.clone(),
            core: record
                .moves
                .iter()
                .rfind(|step| step.task == task)
                .map_or(told.places[task], |step| step.to),
            busy_ns: meter.busy_ns(),
            events: meter.gauge().events,
            ring_slots: told.ring_slots[task],
        })
        .collect();
    even_out(&mut record.tasks, cores_busy_ns);
    record.intervals = epochs.into_intervals();
    for interval in &mut record.intervals {
        let second = |ns: u64| (ns / 1_000_000_000) as usize;
        let covered = hiccup_ns_max.iter().skip(second(interval.start_ns));
        let count = second(interval.end_ns) + 1 - second(interval.start_ns);
        interval.hiccup_ns_max = covered.take(count).copied().max().unwrap_or(0);
    }
    Ok(record)
}

/// Has what tasks took sum to what cores did, all together: tasks were on several.
fn even_out(tasks: &mut [TaskFigures], cores_busy_ns: u64) {
    let estimates = tasks.iter().map(|task| (0, task.busy_ns as f64));
    let factor = timed_over_estimated(estimates, std::iter::once(cores_busy_ns as f64))[0];
    for task in tasks {
        task.busy_ns = (task.busy_ns as f64 * factor) as u64;
    }
}

/// The moves that were carried out. Those of one task were so in the order in which they were ordered.
fn moves(mut arrivals: Vec<(usize, Arrival)>, ordered: &[Ordered]) -> Vec<MoveFigures> {
    arrivals.sort_by_key(|(_, arrival)| arrival.left_ns);
    let mut moves: Vec<MoveFigures> = Vec::with_capacity(arrivals.len());
    for (to, arrival) in arrivals {
        let before = moves
            .iter()
            .filter(|step| step.task == arrival.task)
            .count();
        let mut orders = ordered
            .iter()
            .filter(|order| order.step.task == arrival.task);
        moves.push(MoveFigures {
            task: arrival.task,
            from: arrival.from,
            to,
            at_ns: arrival.left_ns.saturating_sub(START_NS),
            pause_ns: arrival.pause_ns,
            reason: orders
                .nth(before)
                .map_or(MoveReason::Balance, |order| order.reason),
        });
    }
    moves
}
