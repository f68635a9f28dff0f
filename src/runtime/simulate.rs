//! The same tasks under a seeded single-threaded scheduler with a virtual clock.
//!
//! Every choice a machine would make by chance comes from the seed: which task is stepped next, how much
//! it may take in, how time passes, which task is starved, and which moves to another core when. The same seed gives the
//! same run, message for message.
//!
//! Cores are virtual: a roster and a desk each, with the letters that real ones write (`transfer.rs`). A task that
//! is under way between two desks is stepped by nobody until its new core takes it in, at a time of its own.

use super::roster::{Left, Roster, Seat};
use super::run::PlacedTask;
use super::transfer::{Desk, Letter};
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
/// Virtual cores, at least: moves need two.
const CORES_MIN: usize = 2;
/// One step in so many is preceded by an order to move some task, in one seed of two; in the others by none.
const STEPS_A_MOVE: u64 = 8;

/// A core in miniature.
struct Core {
    roster: Roster,
    desk: Desk<Seat>,
}

/// The cores, and where each task is or is on its way to.
struct Cores {
    cores: Vec<Core>,
    homes: Vec<usize>,
    names: Vec<String>,
    /// Tasks that have not ended.
    alive: Vec<usize>,
    /// Tasks whose order has not been carried out.
    ordered: Vec<bool>,
    random: Random,
    moving: bool,
    /// Carried out so far.
    moves: u64,
}

impl Cores {
    fn new(tasks: Vec<PlacedTask>, seed: u64) -> Self {
        let homes: Vec<usize> = tasks.iter().map(|placed| placed.core).collect();
        let names = tasks.iter().map(|placed| placed.name.clone()).collect();
        let count = homes.iter().map(|core| core + 1).max().unwrap_or(0);
        let mut seats: Vec<Vec<Seat>> = Vec::new();
        seats.resize_with(count.max(CORES_MIN), Vec::new);
        for (index, placed) in tasks.into_iter().enumerate() {
            seats[placed.core].push(Seat::new(index, placed.name, placed.task));
        }
        let core = |seats| Core {
            roster: Roster::new(seats),
            desk: Desk::new(),
        };
        Cores {
            cores: seats.into_iter().map(core).collect(),
            alive: (0..homes.len()).collect(),
            ordered: vec![false; homes.len()],
            homes,
            names,
            // Of its own: the rest of the schedule of a seed is the same with moves and without.
            random: Random::stream(seed, "moves"),
            moving: seed.is_multiple_of(2),
            moves: 0,
        }
    }

    /// Orders some task to some core, now and then.
    fn order(&mut self) {
        if !self.moving
            || !self.random.next_u64().is_multiple_of(STEPS_A_MOVE)
            || self.alive.is_empty()
        {
            return;
        }
        let task = self.alive[(self.random.next_u64() % self.alive.len() as u64) as usize];
        let to = (self.random.next_u64() % self.cores.len() as u64) as usize;
        // As the conductor: no second order while one is under way, and none to where it is.
        if !self.ordered[task] && self.homes[task] != to {
            self.ordered[task] = true;
            let core = &self.cores[self.homes[task]];
            core.desk.put(Letter::Give { task, to });
        }
    }

    /// The seat of `task`, to be stepped by its core; `None` while it is on its way. Its core, or the one it is on
    /// its way to, may read its desk first.
    fn seat(&mut self, task: usize) -> Option<&mut Seat> {
        let core = &mut self.cores[self.homes[task]];
        if core.desk.has_letters() && self.random.next_u64().is_multiple_of(4) {
            core.roster.read(&core.desk);
        }
        let seat = core.roster.turn_of(task)?;
        if seat.left.take().is_some() {
            self.ordered[task] = false;
            self.moves += 1;
        }
        Some(seat)
    }

    /// After a step of `task`: sends it off if it is to go.
    fn leave(&mut self, task: usize, at_ns: u64) {
        let from = self.homes[task];
        if let Some((mut seat, to)) = self.cores[from].roster.leave() {
            seat.left = Some(Left { core: from, at_ns });
            self.homes[task] = to;
            self.cores[to].desk.put(Letter::Take(seat));
        }
    }

    /// Takes out a task that has ended, in place `at` of those that go on.
    fn end(&mut self, at: usize) -> Option<Seat> {
        let task = self.alive.swap_remove(at);
        self.cores[self.homes[task]].roster.remove()
    }
}

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
    simulate_counted(tasks, beside, seed).map(|(figures, _)| figures)
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
    simulate_counted(tasks, beside, seed).map(|(figures, _)| figures)
}

/// The same, with the number of moves that were carried out.
fn simulate_counted(
    tasks: Vec<PlacedTask>,
    beside: Beside<'_>,
    seed: u64,
) -> Result<(Vec<Figures>, u64), SimulateError> {
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
    let mut cores = Cores::new(tasks.into_iter().chain(beside.helpers).collect(), seed);
    let mut quiet_steps = 0;
    let mut starved = (usize::MAX, 0);
    while !cores.alive.is_empty() {
        if (beside.stops)() {
            return Err(SimulateError::Stopped { seed });
        }
        let chosen = (random.next_u64() % cores.alive.len() as u64) as usize;
        if starved.1 > 0 {
            starved.1 -= 1;
            if cores.alive[chosen] == starved.0 {
                continue;
            }
        } else if random.next_u64().is_multiple_of(STARVED_ONCE_IN) {
            starved = (cores.alive[chosen], random.next_u64() % STARVED_CHOICES_MAX);
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
        cores.order();
        let task = cores.alive[chosen];
        let live = cores.alive.len();
        cx.stopping = task >= count && cores.alive.iter().all(|other| *other >= task);
        let Some(seat) = cores.seat(task) else {
            continue;
        };
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
                if quiet_steps > live * 20 {
                    time.set(due_ns);
                }
            }
            Progress::Idle(_) | Progress::Blocked => quiet_steps += 1,
            Progress::Done => {
                if let Some(seat) = cores.end(chosen)
                    && let Some(figures) = figures.get_mut(seat.index)
                {
                    *figures = seat.task.figures();
                }
                quiet_steps = 0;
                continue;
            }
        }
        cores.leave(task, time.get());
        if quiet_steps > STUCK_ROUNDS * live.max(1) {
            let alive = cores.alive.iter();
            let tasks = alive.map(|task| cores.names[*task].clone()).collect();
            return Err(SimulateError::Stuck { seed, tasks });
        }
    }
    Ok((figures, cores.moves))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Due, Message};
    use crate::ring::{Inlet, Outlet, ring};
    use crate::task::Task;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const EVENTS: u64 = 300;

    /// Sends the numbers from 0 on.
    struct Sender(Outlet<u64>, u64);

    /// Expects them in order.
    struct Receiver(Inlet<u64>, u64, Arc<AtomicUsize>);

    impl Task for Sender {
        fn step(&mut self, cx: &mut Context) -> Result<Progress, TaskError> {
            if !self.0.flush() {
                return Ok(Progress::Blocked);
            }
            if self.1 == EVENTS {
                return Ok(Progress::Done);
            }
            self.0.push(Message::Event(Due::new(cx.now_ns), self.1));
            self.1 += 1;
            self.0.flush();
            Ok(Progress::Worked)
        }

        fn figures(self: Box<Self>) -> Figures {
            Figures {
                events_out: self.1,
                ..Figures::default()
            }
        }
    }

    impl Task for Receiver {
        fn step(&mut self, cx: &mut Context) -> Result<Progress, TaskError> {
            let next = &mut self.1;
            let taken = self.0.take(cx.budget, |messages| {
                for message in messages {
                    let Message::Event(_, number) = message else {
                        panic!("only events are sent");
                    };
                    assert_eq!(number, next);
                    *next += 1;
                }
                (messages.len(), true)
            });
            self.2.fetch_add(1, Ordering::Relaxed);
            Ok(match (taken, self.1) {
                (_, EVENTS) => Progress::Done,
                (0, _) => Progress::Idle(None),
                _ => Progress::Worked,
            })
        }

        fn figures(self: Box<Self>) -> Figures {
            Figures {
                events_in: self.1,
                ..Figures::default()
            }
        }
    }

    #[test]
    fn tasks_move_in_every_other_seed_and_nothing_is_lost_or_reordered() {
        let mut moved = 0;
        for seed in 0..200u64 {
            let (outlet, inlet) = ring::<u64>(1 + seed as usize % 5);
            let steps = Arc::new(AtomicUsize::new(0));
            let tasks: [(&str, Box<dyn Task>); 2] = [
                ("sender", Box::new(Sender(outlet, 0))),
                ("receiver", Box::new(Receiver(inlet, 0, steps.clone()))),
            ];
            let placed = tasks.into_iter().map(|(name, task)| PlacedTask {
                name: name.into(),
                core: 0,
                task,
            });
            let alone = Beside {
                helpers: Vec::new(),
                stops: &mut || false,
            };
            let (figures, moves) =
                simulate_counted(placed.collect(), alone, seed).expect("it ends");
            assert_eq!(
                (figures[0].events_out, figures[1].events_in),
                (EVENTS, EVENTS)
            );
            assert!(steps.load(Ordering::Relaxed) > 0);
            assert_eq!(
                moves > 0,
                seed.is_multiple_of(2),
                "seed {seed}: {moves} moves"
            );
            moved += moves;
        }
        assert!(moved > 2_000, "{moved} moves in all");
    }
}
