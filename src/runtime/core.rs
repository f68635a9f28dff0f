//! The loop of one core: steps its tasks round by round, on a thread of its own, pinned to a CPU.
//!
//! ```text
//!   round:  now = clock ─► step each task (≤ budget) ─► worked? wake others : rest
//!                 │
//!                 └─ the round before moved nothing: what it took longer than a microsecond's grid
//!                    is the machine's doing, and is recorded as a hiccup
//! ```
//!
//! Hiccups are sampled as an event would meet them: at every microsecond of idle time an imaginary event
//! is due, and is "answered" when the loop comes round. Time spent parked or yielded is not counted.

use super::idle::{Sleepers, Waiter};
use super::watchdog::Pulse;
use crate::latency::{new_histogram, record};
use crate::sys::clock::START_NS;
use crate::task::{Context, Figures, Progress, Task, TaskError};
use hdrhistogram::Histogram;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// Grid of the imaginary events that sample hiccups, ns.
const HICCUP_GRID_NS: u64 = 1_000;

/// A core with a blocked task does not sleep longer than this, ns.
const BLOCKED_AGAIN_NS: u64 = 500_000;
/// Seconds of a run whose worst hiccup is kept: an hour; the histogram goes on.
const HICCUP_SECONDS: usize = 3_600;

/// A task on a core, and its place in the plan.
pub(super) struct Seat {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) task: Box<dyn Task>,
}

/// What one core hands back.
pub(super) struct CoreEnd {
    pub(super) figures: Vec<(usize, Figures)>,
    pub(super) hiccups: Histogram<u64>,
    /// The worst hiccup of each second of the run, ns, for the timeline.
    pub(super) hiccup_ns_max: Vec<u64>,
    /// What checkpoints took of each round in which there was work for one.
    pub(super) checkpoint_pauses: Histogram<u64>,
    /// Of these, what barriers took.
    pub(super) barrier_pauses: Histogram<u64>,
    pub(super) busy_ns: u64,
    pub(super) total_ns: u64,
    pub(super) failure: Option<Failure>,
}

/// Why a core ended early.
pub(super) enum Failure {
    Panicked {
        task: String,
        event: Option<String>,
        reason: String,
    },
    Failed {
        task: String,
        error: TaskError,
    },
}

/// Flags that all cores see.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// A task has failed: leave at once.
    pub(super) failed: AtomicBool,
}

/// Steps `seats` until all are done, one fails, or another core does.
pub(super) fn run_core(
    mut seats: Vec<Seat>,
    mut cx: Context,
    mut waiter: Waiter,
    sleepers: &Sleepers,
    signals: &Signals,
    stop: &AtomicBool,
    pulse: Option<&Pulse>,
) -> CoreEnd {
    let mut end = CoreEnd {
        figures: Vec::with_capacity(seats.len()),
        hiccups: new_histogram(),
        hiccup_ns_max: vec![0; HICCUP_SECONDS],
        checkpoint_pauses: new_histogram(),
        barrier_pauses: new_histogram(),
        busy_ns: 0,
        total_ns: 0,
        failure: None,
    };
    let mut at = 0;
    let result = catch_unwind(AssertUnwindSafe(|| {
        rounds(
            &mut seats,
            &mut cx,
            &mut waiter,
            sleepers,
            signals,
            stop,
            pulse,
            &mut end,
            &mut at,
        )
    }));
    let task = || {
        seats
            .get(at)
            .map_or_else(String::new, |seat| seat.name.clone())
    };
    end.failure = match result {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Failure::Failed {
            task: task(),
            error,
        }),
        Err(panic) => Some(Failure::Panicked {
            task: task(),
            event: seats.get(at).and_then(|seat| seat.task.at_event()),
            reason: reason_of(panic.as_ref()),
        }),
    };
    if end.failure.is_some() {
        signals.failed.store(true, Ordering::Relaxed);
    }
    waiter.worked(sleepers);
    for seat in seats {
        // A user's `measures` may panic as well; what it would have told is lost, the run's end is not.
        if let Ok(figures) = catch_unwind(AssertUnwindSafe(|| seat.task.figures())) {
            end.figures.push((seat.index, figures));
        }
    }
    end
}

#[allow(clippy::too_many_arguments)]
fn rounds(
    seats: &mut Vec<Seat>,
    cx: &mut Context,
    waiter: &mut Waiter,
    sleepers: &Sleepers,
    signals: &Signals,
    stop: &AtomicBool,
    pulse: Option<&Pulse>,
    end: &mut CoreEnd,
    at: &mut usize,
) -> Result<(), TaskError> {
    let start_ns = cx.clock.now_ns();
    let mut before_ns = start_ns;
    let mut grid_ns = start_ns;
    let (mut was_idle, mut was_busy) = (false, false);
    loop {
        let now_ns = cx.clock.now_ns();
        cx.now_ns = now_ns;
        if was_idle && grid_ns <= now_ns {
            let second = ((now_ns - START_NS) / 1_000_000_000) as usize;
            if let Some(worst_ns) = end.hiccup_ns_max.get_mut(second) {
                *worst_ns = (*worst_ns).max(now_ns - grid_ns);
            }
            while grid_ns <= now_ns {
                record(&mut end.hiccups, now_ns - grid_ns, 1);
                grid_ns += HICCUP_GRID_NS;
            }
        } else if !was_idle {
            // The grid is that of the clock, not of the last event: a core that is rarely idle for a whole
            // microsecond still meets one grid point in twenty of its short rests.
            grid_ns = (now_ns / HICCUP_GRID_NS + 1) * HICCUP_GRID_NS;
        }
        end.busy_ns += if was_busy { now_ns - before_ns } else { 0 };
        before_ns = now_ns;
        cx.stopping = stop.load(Ordering::Relaxed);
        if seats.is_empty() || signals.failed.load(Ordering::Relaxed) {
            end.total_ns = now_ns - start_ns;
            return Ok(());
        }
        let (mut worked, mut next_due_ns) = (false, None::<u64>);
        *at = 0;
        while let Some(seat) = seats.get_mut(*at) {
            if let Some(pulse) = pulse {
                pulse.begin();
            }
            match seat.task.step(cx)? {
                Progress::Worked => worked = true,
                Progress::Idle(Some(due_ns)) => {
                    next_due_ns = Some(next_due_ns.map_or(due_ns, |next| next.min(due_ns)));
                }
                Progress::Idle(None) => {}
                // What frees a ring may be a thread that wakes nobody (a file's writer): look again soon.
                Progress::Blocked => {
                    let soon_ns = now_ns + BLOCKED_AGAIN_NS;
                    next_due_ns = Some(next_due_ns.map_or(soon_ns, |next| next.min(soon_ns)));
                }
                Progress::Done => {
                    let seat = seats.remove(*at);
                    end.figures.push((seat.index, seat.task.figures()));
                    worked = true;
                    continue;
                }
            }
            *at += 1;
        }
        if let Some(pulse) = pulse {
            pulse.rest();
        }
        let checkpoint = std::mem::take(&mut cx.checkpoint);
        if checkpoint.total_ns() > 0 {
            record(&mut end.checkpoint_pauses, checkpoint.total_ns(), 1);
            record(
                &mut end.barrier_pauses,
                checkpoint.barrier_ns,
                u64::from(checkpoint.barrier_ns > 0),
            );
        }
        was_busy = worked;
        if worked {
            waiter.worked(sleepers);
            was_idle = false;
        } else {
            was_idle = !waiter.rest(sleepers, now_ns, next_due_ns);
        }
    }
}

fn reason_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}
