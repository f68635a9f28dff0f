//! The loop of one core: steps its tasks round by round, on a thread of its own, pinned to a CPU.
//!
//! ```text
//!   round:  now = clock ─► step each task (≤ budget) ─► worked? wake others : rest
//!                 │              └─ between two steps: tasks come and go (`transfer.rs`)
//!                 └─ the round before moved nothing: what it took longer than a microsecond's grid
//!                    is the machine's doing, and is recorded as a hiccup
//! ```
//!
//! Hiccups are sampled as an event would meet them: at every microsecond of idle time an imaginary event
//! is due, and is "answered" when the loop comes round. Time spent parked or yielded is not counted.

use super::idle::{Sleepers, Waiter};
use super::meter::{CoreMeter, ENDED, Sampler, TaskMeter};
use super::roster::{Roster, Seat};
use super::transfer::{Desk, Letter};
use super::watchdog::Pulse;
use crate::latency::{new_histogram, record};
use crate::sys::clock::START_NS;
use crate::task::{Context, Figures, Progress, TaskError};
use hdrhistogram::Histogram;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Grid of the imaginary events that sample hiccups, ns.
const HICCUP_GRID_NS: u64 = 1_000;

/// A core with a blocked task does not sleep longer than this, ns.
const BLOCKED_AGAIN_NS: u64 = 500_000;
/// Seconds of a run whose worst hiccup is kept: an hour; the histogram goes on.
const HICCUP_SECONDS: usize = 3_600;

/// Moves of a run that the list of a core has room for from the start.
const MOVES: usize = 256;

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
    /// Tasks that came.
    pub(super) arrivals: Vec<Arrival>,
    pub(super) failure: Option<Failure>,
}

/// A task's first step on another core.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) task: usize,
    pub(super) from: usize,
    /// When its last step on the old core ended, ns of the run's clock.
    pub(super) left_ns: u64,
    /// From there to its first step here, ns.
    pub(super) pause_ns: u64,
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

/// What all cores and the calling thread share.
pub(super) struct Shared {
    /// A task has failed: leave at once.
    pub(super) failed: AtomicBool,
    /// Tasks that have not ended; a core without tasks may still get some until there are none.
    pub(super) alive: AtomicUsize,
    pub(super) sleepers: Sleepers,
    /// Of each core.
    pub(super) desks: Vec<Desk<Seat>>,
    /// Of each core.
    pub(super) cores: Vec<CoreMeter>,
    /// Of each task.
    pub(super) tasks: Vec<TaskMeter>,
}

impl Shared {
    /// Lays a letter on the desk of `core`, and wakes it.
    pub(super) fn send(&self, core: usize, letter: Letter<Seat>) {
        self.desks[core].put(letter);
        self.sleepers.wake(core);
    }
}

/// A core, and what it is at.
pub(super) struct Core<'a> {
    pub(super) me: usize,
    pub(super) roster: Roster,
    pub(super) cx: Context,
    pub(super) waiter: Waiter,
    pub(super) shared: &'a Shared,
    pub(super) stop: &'a AtomicBool,
    pub(super) pulse: Option<&'a Pulse>,
}

/// Steps the tasks of `core` until all tasks of the run are done, one fails, or another core does.
pub(super) fn run_core(mut core: Core<'_>) -> CoreEnd {
    let mut end = CoreEnd {
        figures: Vec::with_capacity(core.shared.tasks.len()),
        hiccups: new_histogram(),
        hiccup_ns_max: vec![0; HICCUP_SECONDS],
        checkpoint_pauses: new_histogram(),
        barrier_pauses: new_histogram(),
        busy_ns: 0,
        total_ns: 0,
        arrivals: Vec::with_capacity(MOVES),
        failure: None,
    };
    let result = catch_unwind(AssertUnwindSafe(|| core.rounds(&mut end)));
    let seat = core.roster.last();
    let task = || seat.map_or_else(String::new, |seat| seat.name.clone());
    end.failure = match result {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Failure::Failed {
            task: task(),
            error,
        }),
        Err(panic) => Some(Failure::Panicked {
            task: task(),
            event: seat.and_then(|seat| seat.task.at_event()),
            reason: reason_of(panic.as_ref()),
        }),
    };
    let shared = core.shared;
    if end.failure.is_some() {
        shared.failed.store(true, Ordering::Relaxed);
    }
    core.waiter.worked(&shared.sleepers);
    // Nobody waits for a run that is over, not even a core without tasks.
    shared.sleepers.wake_all();
    for seat in core.roster.into_seats() {
        // A user's `measures` may panic as well; what it would have told is lost, the run's end is not.
        if let Ok(figures) = catch_unwind(AssertUnwindSafe(|| seat.task.figures())) {
            end.figures.push((seat.index, figures));
        }
    }
    end
}

/// What a round came to.
#[derive(Default)]
struct Round {
    worked: bool,
    next_due_ns: Option<u64>,
}

impl Round {
    fn due(&mut self, due_ns: u64) {
        self.next_due_ns = Some(self.next_due_ns.map_or(due_ns, |next| next.min(due_ns)));
    }
}

impl Core<'_> {
    fn rounds(&mut self, end: &mut CoreEnd) -> Result<(), TaskError> {
        let start_ns = self.cx.clock.now_ns();
        let mut before_ns = start_ns;
        let mut grid_ns = start_ns;
        let (mut was_idle, mut was_busy) = (false, false);
        let mut sampler = Sampler::new(self.me);
        loop {
            let now_ns = self.cx.clock.now_ns();
            self.cx.now_ns = now_ns;
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
            self.cx.stopping = self.stop.load(Ordering::Relaxed);
            let over = self.roster.is_empty() && self.shared.alive.load(Ordering::Relaxed) == 0;
            if over || self.shared.failed.load(Ordering::Relaxed) {
                end.total_ns = now_ns - start_ns;
                self.shared.cores[self.me].show(end.busy_ns);
                return Ok(());
            }
            let stands_for = sampler.round();
            if stands_for.is_some() {
                self.shared.cores[self.me].show(end.busy_ns);
            }
            let round = self.round(end, stands_for)?;
            if let Some(pulse) = self.pulse {
                pulse.rest();
            }
            let checkpoint = std::mem::take(&mut self.cx.checkpoint);
            if checkpoint.total_ns() > 0 {
                record(&mut end.checkpoint_pauses, checkpoint.total_ns(), 1);
                record(
                    &mut end.barrier_pauses,
                    checkpoint.barrier_ns,
                    u64::from(checkpoint.barrier_ns > 0),
                );
            }
            was_busy = round.worked;
            let (waiter, sleepers) = (&mut self.waiter, &self.shared.sleepers);
            if round.worked {
                waiter.worked(sleepers);
                was_idle = false;
            } else if self.roster.is_empty() {
                was_idle = !waiter.rest_empty(sleepers);
            } else {
                was_idle = !waiter.rest(sleepers, now_ns, round.next_due_ns);
            }
        }
    }

    /// Steps each task once; with the time of each where the round stands for some.
    fn round(&mut self, end: &mut CoreEnd, stands_for: Option<u64>) -> Result<Round, TaskError> {
        let mut round = Round::default();
        let shared = self.shared;
        let mut begun_ns = self.cx.now_ns;
        self.roster.begin();
        loop {
            if shared.desks[self.me].has_letters() {
                round.worked |= self.roster.read(&shared.desks[self.me]);
            }
            let Some(seat) = self.roster.turn() else {
                return Ok(round);
            };
            let meter = &shared.tasks[seat.index];
            if let Some(left) = seat.left.take() {
                // The round may have begun before the task's last step: its time must not go back.
                let now_ns = self.cx.clock.now_ns().max(left.at_ns);
                (self.cx.now_ns, begun_ns) = (now_ns.max(self.cx.now_ns), now_ns);
                meter.set_home(self.me);
                end.arrivals.push(Arrival {
                    task: seat.index,
                    from: left.core,
                    left_ns: left.at_ns,
                    pause_ns: now_ns - left.at_ns,
                });
            }
            if let Some(pulse) = self.pulse {
                pulse.begin();
            }
            let before = stands_for.map(|rounds| (rounds, seat.task.gauge()));
            let progress = seat.task.step(&mut self.cx)?;
            if let Some((rounds, before)) = before {
                let gauge = seat.task.gauge();
                let ended_ns = self.cx.clock.now_ns();
                // A step that found no room for all it made is blocked, and has moved something all the same.
                if progress == Progress::Worked || gauge.events > before.events {
                    meter.add(rounds * ended_ns.saturating_sub(begun_ns));
                }
                begun_ns = ended_ns;
                meter.show(gauge);
            }
            match progress {
                Progress::Worked => round.worked = true,
                Progress::Idle(Some(due_ns)) => round.due(due_ns),
                Progress::Idle(None) => {}
                // What frees a ring may be a thread that wakes nobody (a file's writer): look again soon.
                Progress::Blocked => round.due(self.cx.now_ns + BLOCKED_AGAIN_NS),
                Progress::Done => {
                    round.worked = true;
                    meter.show(seat.task.gauge());
                    meter.set_home(ENDED);
                    if let Some(seat) = self.roster.remove() {
                        end.figures.push((seat.index, seat.task.figures()));
                    }
                    // Relaxed: a core that sees it late looks again, and is woken behind a fence.
                    if shared.alive.fetch_sub(1, Ordering::Relaxed) == 1 {
                        shared.sleepers.wake_all();
                    }
                    continue;
                }
            }
            if let Some((mut seat, to)) = self.roster.leave() {
                seat.left = Some(super::roster::Left {
                    core: self.me,
                    at_ns: self.cx.clock.now_ns(),
                });
                shared.send(to, Letter::Take(seat));
                round.worked = true;
            }
        }
    }
}

fn reason_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}
