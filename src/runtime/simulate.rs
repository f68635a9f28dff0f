//! The same tasks under a seeded single-threaded scheduler with a virtual clock.
//!
//! Every choice a machine would make by chance comes from the seed: which task is stepped next, how much
//! it may take in, how time passes. The same seed gives the same run, message for message.

use super::run::PlacedTask;
use crate::sys::clock::{Clock, START_NS};
use crate::sys::random::Random;
use crate::task::{Context, Figures, Progress, TaskError};
use std::cell::Cell;
use std::rc::Rc;

/// Steps in a row that moved nothing, for each task, before the flow is said to be stuck.
const STUCK_ROUNDS: usize = 2_000;
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
}

/// Runs `tasks` to their end in an order drawn from `seed`.
///
/// # Errors
/// When a task fails, or the flow is stuck.
pub fn simulate(tasks: Vec<PlacedTask>, seed: u64) -> Result<Vec<Figures>, SimulateError> {
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
    let mut figures: Vec<Figures> = tasks.iter().map(|_| Figures::default()).collect();
    let mut live: Vec<(usize, PlacedTask)> = tasks.into_iter().enumerate().collect();
    let mut quiet_steps = 0;
    while !live.is_empty() {
        let chosen = (random.next_u64() % live.len() as u64) as usize;
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
                figures[index] = seat.task.figures();
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
