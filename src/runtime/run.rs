//! A run: a thread for each core, pinned where the system allows it, and the collection of what they tell.
//!
//! The calling thread stays off the cores: it merges the epochs that the sinks hand over, tells progress, has
//! tasks moved, answers who controls the run, and waits for the cores to end.

use super::balance::BalanceOptions;
use super::conductor::Conductor;
use super::control::Control;
use super::core::{Core, CoreEnd, Shared, run_core};
use super::epochs::Epochs;
use super::idle::{Idle, Sleepers, Waiter};
use super::meter::{CoreMeter, TaskMeter};
use super::record::{RunRecord, Told, assemble};
use super::roster::{Roster, Seat};
use super::transfer::Desk;
use super::watchdog::{Pulse, Watchdog};
use crate::sink::IntervalCollector;
use crate::sys::clock::{Clock, Origin};
use crate::sys::memory::resident_anonymous_bytes;
use crate::sys::topology::{Confined, cpus_allowed, cpus_in_order, pin_current_thread};
use crate::task::{Context, Task};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// How often epochs are collected and progress is told.
const COLLECT_EVERY: Duration = Duration::from_millis(50);

/// A task and the core that steps it.
pub struct PlacedTask {
    /// For people.
    pub name: String,
    /// Core index, below [`RunOptions::cores`].
    pub core: usize,
    /// The task.
    pub task: Box<dyn Task>,
}

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Cores (threads).
    pub cores: usize,
    /// Whether to pin each to a CPU.
    pub pin: bool,
    /// The CPU of each core; empty: as [`cpus_in_order`] says.
    pub cpus: Vec<u32>,
    /// How a core waits.
    pub idle: Idle,
    /// Messages a task takes from one ring in one step.
    pub budget: usize,
    /// Set to end the run early; everything in flight is still answered.
    pub stop: Arc<AtomicBool>,
    /// A step that lasts longer ends the process, ns; 0: it may last.
    pub step_deadline_ns: u64,
    /// How tasks are moved between cores.
    pub balance: BalanceOptions,
    /// The way for others to control the run.
    pub control: Option<Arc<Control>>,
}

/// What a run tells while it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Results so far.
    pub events_out: u64,
    /// Results a second over the last epoch.
    pub events_per_s: f64,
    /// 99th percentile of latency over the last epoch, ns.
    pub latency_ns_p99: u64,
}

/// Why a run did not end well.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A user's operator panicked.
    #[error("task {task} panicked{}: {reason}", event.as_ref().map(|event| format!(" at event {event}")).unwrap_or_default())]
    Panicked {
        /// The task.
        task: String,
        /// The event it was processing, as `Debug` shows it.
        event: Option<String>,
        /// The panic's message.
        reason: String,
    },
    /// A task could not go on.
    #[error("task {task} failed: {error}")]
    Failed {
        /// The task.
        task: String,
        /// Why.
        error: crate::task::TaskError,
    },
    /// The system gave no thread.
    #[error("cannot start a thread for core {core}: {source}")]
    Thread {
        /// Core index.
        core: usize,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Runs `tasks` to their end.
///
/// # Errors
/// When a task panics or fails, or a thread cannot be had. All threads have ended when this returns.
pub fn run(
    tasks: Vec<PlacedTask>,
    mut collectors: Vec<IntervalCollector>,
    options: &RunOptions,
    progress: &mut dyn FnMut(Update),
) -> Result<RunRecord, RunError> {
    let origin = Origin::start();
    let started = Instant::now();
    let allowed = match options.cpus.len() {
        0 => cpus_allowed().len().max(1),
        given => given,
    };
    let crowded = options.cores > allowed;
    // Cores may be added while it runs.
    let room = match options.control {
        Some(_) => options.cores.max(allowed),
        None => options.cores,
    };
    let cpus = cpus_for(options, room);
    let mut rosters: Vec<Vec<Seat>> = (0..room).map(|_| Vec::new()).collect();
    let places: Vec<usize> = tasks.iter().map(|placed| placed.core).collect();
    let ring_slots = tasks.iter().map(|placed| placed.task.ring_slots());
    let ring_slots = ring_slots.collect();
    let names: Vec<String> = tasks.iter().map(|placed| placed.name.clone()).collect();
    for (index, placed) in tasks.into_iter().enumerate() {
        rosters[placed.core].push(Seat::new(index, placed.name, placed.task));
    }
    let (sleepers, parkers) = Sleepers::new(room);
    sleepers.start(options.cores);
    let pulses: Vec<Pulse> = (0..room).map(|_| Pulse::default()).collect();
    let mut watchdog = Watchdog::new(&pulses, options.step_deadline_ns);
    let look_every = watchdog.look_every(COLLECT_EVERY);
    let shared = Shared {
        failed: AtomicBool::new(false),
        alive: AtomicUsize::new(names.len()),
        sleepers,
        desks: (0..room).map(|_| Desk::new()).collect(),
        cores: (0..room).map(|_| CoreMeter::default()).collect(),
        tasks: places.iter().map(|core| TaskMeter::new(*core)).collect(),
    };
    let shared = &shared;
    let (ended, ends) = mpsc::channel::<(usize, Option<u32>, CoreEnd)>();
    let mut epochs = Epochs::default();
    let mut outcome = Vec::new();
    let mut memory_peak_bytes = resident_anonymous_bytes();
    let is_watched = watchdog.is_on();
    let clock = Clock::Real(origin);
    // What this thread does takes up to some ms at a time (it merges histograms). Were it to wake on the CPU of a core,
    // that core would stand still for a slice of the scheduler: 4-5 ms measured.
    let _aside = Confined::to(&spare_cpus(options));
    let mut conductor = Conductor::new(
        shared,
        &names,
        options.cores,
        options.balance,
        clock.now_ns(),
    );
    let spawned = std::thread::scope(|scope| {
        let mut waiting = rosters.into_iter().zip(parkers);
        let mut count = 0;
        // Starts cores until there are `cores`; there is room for them.
        let mut start = |cores: usize| -> Result<usize, RunError> {
            while count < cores {
                let core = count;
                let Some((seats, parker)) = waiting.next() else {
                    let source = std::io::Error::other("a thread could not be had before");
                    return Err(RunError::Thread { core, source });
                };
                shared
                    .sleepers
                    .start(shared.sleepers.started().max(core + 1));
                let (ended, cpu, pulse) = (ended.clone(), cpus[core], &pulses[core]);
                let waiter = Waiter::new(options.idle, core, crowded, parker);
                let roster = Roster::new(seats);
                let run = move || {
                    let pinned = cpu.filter(|cpu| pin_current_thread(*cpu));
                    let clock = Clock::Real(origin);
                    let cx = Context {
                        now_ns: clock.now_ns(),
                        clock,
                        budget: options.budget,
                        stopping: false,
                        marker_due: None,
                        checkpoint: Default::default(),
                    };
                    let end = run_core(Core {
                        me: core,
                        roster,
                        cx,
                        waiter,
                        shared,
                        stop: &options.stop,
                        pulse: is_watched.then_some(pulse),
                    });
                    let _ = ended.send((core, pinned, end));
                };
                let thread = std::thread::Builder::new().name(format!("core {core}"));
                if let Err(source) = thread.spawn_scoped(scope, run) {
                    // Its parker is gone with it: no core after it is started either.
                    waiting.by_ref().for_each(drop);
                    return Err(RunError::Thread { core, source });
                }
                count += 1;
            }
            Ok(count)
        };
        let mut count = start(options.cores).inspect_err(|_| {
            shared.failed.store(true, Ordering::Relaxed);
        })?;
        let control = options.control.as_deref();
        control.inspect(|control| control.open());
        while outcome.len() < count {
            if let Ok(end) = ends.recv_timeout(look_every) {
                outcome.push(end);
            }
            watchdog.look();
            memory_peak_bytes = memory_peak_bytes.max(resident_anonymous_bytes());
            if epochs.collect(&mut collectors) {
                epochs.tell(progress);
            }
            if !outcome.is_empty() {
                continue;
            }
            conductor.look(clock.now_ns());
            while let Some((request, reply)) =
                control.and_then(|control| control.next(|asked| conductor.is_ready_for(asked)))
            {
                let mut more = |cores: usize| {
                    let started = start(cores).map_err(|error| error.to_string())?;
                    count = count.max(started);
                    Ok(())
                };
                let now_ns = clock.now_ns();
                let answer = conductor.answer(&request, &options.stop, &mut more, now_ns);
                let _ = reply.send(answer);
            }
        }
        let chronicle = &mut conductor.chronicle;
        chronicle.take(clock.now_ns(), &shared.tasks, &shared.cores);
        Ok(())
    });
    if let Some(control) = &options.control {
        control.close();
    }
    spawned?;
    epochs.collect(&mut collectors);
    let told = Told {
        shared,
        names: &names,
        places,
        ring_slots,
        chronicle: conductor.chronicle.into_spans(),
        ordered: conductor.ordered,
        epochs,
        origin,
        crowded,
    };
    let mut record = assemble(outcome, told, options)?;
    record.started = started;
    record.memory_peak_bytes = memory_peak_bytes;
    Ok(record)
}

/// The CPU of each core.
fn cpus_for(options: &RunOptions, room: usize) -> Vec<Option<u32>> {
    let order = cpus_in_order(&options.cpus);
    let pin = options.pin && options.cores <= order.len();
    (0..room)
        .map(|core| if pin { order.get(core).copied() } else { None })
        .collect()
}

/// The CPUs that no core is pinned to: for threads and processes that must not hold up a core.
pub fn spare_cpus(options: &RunOptions) -> Vec<usize> {
    let taken = cpus_for(options, options.cores);
    let free = cpus_allowed()
        .into_iter()
        .filter(|cpu| !taken.contains(&Some(*cpu)));
    free.map(|cpu| cpu as usize).collect()
}
