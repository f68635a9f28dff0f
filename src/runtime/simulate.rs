//! The same tasks under a seeded single-threaded scheduler with a virtual clock.
//!
//! Every choice a machine would make by chance comes from the seed: which task is stepped next, how much
//! it may take in, how time passes, which task is starved. The same seed gives the same run, message for message.

use super::run::PlacedTask;
use crate::sys::clock::{Clock, START_NS};
use crate::sys::random::Random;
use crate::task::{Context, Figures, Progress, TaskError};
use std::cell::Cell;
use std::rc::Rc;

/// Steps in a row that moved nothing, for each task, before the flow is said to be stuck.
const STUCK_ROUNDS: usize = 2_000;
/// One choice in so many starves the task that was chosen, for as many choices at the most.
const STARVED_ONCE_IN: u64 = 64;
const STARVED_CHOICES_MAX: u64 = 400;
/// Largest budget that a seed may draw.
const BUDGET_MAX: u64 = 200;

/// Why a simulated run did not end.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A task could not go on.
    #[error("seed {seed}: task {task} failed: {error}")]
    Failed {
        /// The seed.
        seed: u64,
        /// The task.
        task: String,
        /// Why.
        error: TaskError,
    },
    /// Nothing moves and nothing has ended: a deadlock, or a lost marker.
    #[error("seed {seed}: stuck; tasks still running: {tasks:?}")]
    Stuck {
        /// The seed.
        seed: u64,
        /// Their names.
        tasks: Vec<String>,
    },
    /// It was told to stop there.
    #[error("seed {seed}: stopped, as asked")]
    Stopped {
        /// The seed.
        seed: u64,
    },
}

/// What is stepped beside the tasks of a flow, and when everything stops.
pub struct Beside<'a> {
    /// Threads of a real run, as tasks. Each is told that the run is to end once the tasks of the flow, and those
    /// before it here, are done.
    pub helpers: Vec<PlacedTask>,
    /// Asked between any two steps: whether the machine stops here.
    pub stops: &'a mut dyn FnMut() -> bool,
}

/// Runs `tasks` to their end in an order drawn from `seed`.
///
/// # Errors
/// When a task fails, or the flow is stuck.
pub fn simulate(tasks: Vec<PlacedTask>, seed: u64) -> Result<Vec<Figures>, SimulateError> {
    let beside = Beside {
        helpers: Vec::new(),
        stops: &mut || false,
    };
    simulate_beside(tasks, beside, seed)
}

/// The same with what stands beside the tasks; the figures are those of the tasks alone.
///
/// # Errors
/// As [`simulate`]; or it was told to stop.
pub fn simulate_beside(
    tasks: Vec<PlacedTask>,
    beside: Beside<'_>,
    seed: u64,
) -> Result<Vec<Figures>, SimulateError> {
    let mut random = Random::stream(seed, "simulate");
    let time = Rc::new(Cell::new(START_NS));
    let mut cx = Context {
        clock: Clock::Virtual(time.clone()),
        now_ns: START_NS,
        budget: 1,
        stopping: false,
        marker_due: None,
        checkpoint: Default::default(),
    };
    let count = tasks.len();
    let mut figures: Vec<Figures> = tasks.iter().map(|_| Figures::default()).collect();
    let all = tasks.into_iter().chain(beside.helpers);
    let mut live: Vec<(usize, PlacedTask)> = all.enumerate().collect();
    let mut quiet_steps = 0;
    let mut starved = (usize::MAX, 0);
    while !live.is_empty() {
        if (beside.stops)() {
            return Err(SimulateError::Stopped { seed });
        }
        let chosen = (random.next_u64() % live.len() as u64) as usize;
        if starved.1 > 0 {
            starved.1 -= 1;
            if live[chosen].0 == starved.0 {
                continue;
            }
        } else if random.next_u64().is_multiple_of(STARVED_ONCE_IN) {
            starved = (live[chosen].0, random.next_u64() % STARVED_CHOICES_MAX);
        }
        // Mostly nothing passes between two steps, sometimes a little, rarely long.
        let pause_ns = match random.next_u64() % 16 {
            0..8 => 0,
            8..15 => random.next_u64() % 1_000,
            _ => random.next_u64() % 1_000_000,
        };
        time.set(time.get() + pause_ns);
        cx.now_ns = time.get();
        cx.checkpoint = Default::default();
        cx.budget = 1 + (random.next_u64() % BUDGET_MAX) as usize;
        let place = live[chosen].0;
        cx.stopping = place >= count && live.iter().all(|(other, _)| *other >= place);
        let (_, seat) = &mut live[chosen];
        let progress = seat
            .task
            .step(&mut cx)
            .map_err(|error| SimulateError::Failed {
                seed,
                task: seat.name.clone(),
                error,
            })?;
        match progress {
            Progress::Worked => quiet_steps = 0,
            Progress::Idle(Some(due_ns)) if due_ns > time.get() => {
                quiet_steps += 1;
                if quiet_steps > live.len() * 20 {
                    time.set(due_ns);
                }
            }
            Progress::Idle(_) | Progress::Blocked => quiet_steps += 1,
            Progress::Done => {
                let (index, seat) = live.swap_remove(chosen);
                if let Some(figures) = figures.get_mut(index) {
                    *figures = seat.task.figures();
                }
                quiet_steps = 0;
            }
        }
        if quiet_steps > STUCK_ROUNDS * live.len().max(1) {
            let tasks = live.into_iter().map(|(_, seat)| seat.name).collect();
            return Err(SimulateError::Stuck { seed, tasks });
        }
    }
    Ok(figures)
}
