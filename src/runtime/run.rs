//! A run: a thread for each core, pinned where the system allows it, and the collection of what they tell.
//!
//! The calling thread stays off the cores: it merges the epochs that the sinks hand over, tells progress,
//! and waits for the cores to end.

use super::core::{CoreEnd, Failure, Seat, Signals, run_core};
use super::idle::{Idle, Sleepers, Waiter};
use super::watchdog::{Pulse, Watchdog};
use crate::latency::{Interval, Timeline, merge, new_histogram};
use crate::sink::IntervalCollector;
use crate::sys::clock::{Clock, Origin, START_NS};
use crate::sys::memory::resident_anonymous_bytes;
use crate::sys::topology::{cpus_allowed, cpus_in_order, pin_current_thread};
use crate::task::{Context, Figures, Task};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
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

/// What one core did.
#[derive(Clone, Debug, Default)]
pub struct CoreFigures {
    /// CPU it was pinned to.
    pub cpu: Option<u32>,
    /// Share of its time in rounds that moved something.
    pub busy_share: f64,
}

/// What a run leaves.
pub struct RunRecord {
    /// Of each task, in the order of the plan.
    pub figures: Vec<Figures>,
    /// Of each core.
    pub cores: Vec<CoreFigures>,
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
    let cpus = cpus_for(options);
    let allowed = match options.cpus.len() {
        0 => cpus_allowed().len().max(1),
        given => given,
    };
    let crowded = options.cores > allowed;
    let count = tasks.len();
    let mut seats: Vec<Vec<Seat>> = (0..options.cores).map(|_| Vec::new()).collect();
    for (index, placed) in tasks.into_iter().enumerate() {
        seats[placed.core].push(Seat {
            index,
            name: placed.name,
            task: placed.task,
        });
    }
    let (sleepers, parkers) = Sleepers::new(options.cores);
    let pulses: Vec<Pulse> = (0..options.cores).map(|_| Pulse::default()).collect();
    let mut watchdog = Watchdog::new(&pulses, options.step_deadline_ns);
    let look_every = watchdog.look_every(COLLECT_EVERY);
    let (signals, sleepers) = (Signals::default(), &sleepers);
    let (ended, ends) = mpsc::channel::<(usize, Option<u32>, CoreEnd)>();
    let mut epochs = Epochs::default();
    let mut outcome = Vec::new();
    let mut memory_peak_bytes = resident_anonymous_bytes();
    let spawned = std::thread::scope(|scope| {
        for ((core, seats), parker) in seats.into_iter().enumerate().zip(parkers) {
            let (ended, signals, cpu) = (ended.clone(), &signals, cpus[core]);
            let pulse = watchdog.is_on().then_some(&pulses[core]);
            let waiter = Waiter::new(options.idle, core, options.cores, crowded, parker);
            std::thread::Builder::new()
                .name(format!("core {core}"))
                .spawn_scoped(scope, move || {
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
                    let end = run_core(seats, cx, waiter, sleepers, signals, &options.stop, pulse);
                    let _ = ended.send((core, pinned, end));
                })
                .map_err(|source| {
                    signals
                        .failed
                        .store(true, std::sync::atomic::Ordering::Relaxed);
                    RunError::Thread { core, source }
                })?;
        }
        while outcome.len() < options.cores {
            if let Ok(end) = ends.recv_timeout(look_every) {
                outcome.push(end);
            }
            watchdog.look();
            memory_peak_bytes = memory_peak_bytes.max(resident_anonymous_bytes());
            if epochs.collect(&mut collectors) {
                epochs.tell(progress);
            }
        }
        Ok(())
    });
    spawned?;
    epochs.collect(&mut collectors);
    let mut record = assemble(outcome, count, epochs, origin, options, crowded)?;
    record.started = started;
    record.memory_peak_bytes = memory_peak_bytes;
    Ok(record)
}

fn assemble(
    mut outcome: Vec<(usize, Option<u32>, CoreEnd)>,
    tasks: usize,
    epochs: Epochs,
    origin: Origin,
    options: &RunOptions,
    crowded: bool,
) -> Result<RunRecord, RunError> {
    outcome.sort_by_key(|(core, ..)| *core);
    let seconds = outcome
        .first()
        .map_or(0, |(.., end)| end.hiccup_ns_max.len());
    let mut hiccup_ns_max = vec![0u64; seconds];
    let mut record = RunRecord {
        figures: (0..tasks).map(|_| Figures::default()).collect(),
        cores: Vec::new(),
        hiccups: new_histogram(),
        checkpoint_pauses: new_histogram(),
        barrier_pauses: new_histogram(),
        intervals: Vec::new(),
        started: Instant::now(),
        clock_source: origin.source(),
        memory_peak_bytes: 0,
        warnings: Vec::new(),
    };
    if crowded {
        record.warnings.push(format!(
            "{} cores share fewer CPUs: they yield instead of spinning, and the tail shows it",
            options.cores
        ));
    }
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
        let busy_share = end.busy_ns as f64 / end.total_ns.max(1) as f64;
        record.cores.push(CoreFigures { cpu, busy_share });
    }
    record.intervals = epochs.into_intervals();
    for interval in &mut record.intervals {
        let second = |ns: u64| (ns / 1_000_000_000) as usize;
        let covered = hiccup_ns_max.iter().skip(second(interval.start_ns));
        let count = second(interval.end_ns) + 1 - second(interval.start_ns);
        interval.hiccup_ns_max = covered.take(count).copied().max().unwrap_or(0);
    }
    Ok(record)
}

/// The CPU of each core.
fn cpus_for(options: &RunOptions) -> Vec<Option<u32>> {
    let order = cpus_in_order(&options.cpus);
    let pin = options.pin && options.cores <= order.len();
    (0..options.cores)
        .map(|core| if pin { order.get(core).copied() } else { None })
        .collect()
}

/// The CPUs that no core is pinned to: for threads and processes that must not hold up a core.
pub fn spare_cpus(options: &RunOptions) -> Vec<usize> {
    let taken = cpus_for(options);
    let free = cpus_allowed()
        .into_iter()
        .filter(|cpu| !taken.contains(&Some(*cpu)));
    free.map(|cpu| cpu as usize).collect()
}

/// Epochs that may still get a part from a sink that is behind.
const EPOCHS_OPEN: usize = 8;

/// Epochs as the sinks close them, merged over sinks.
#[derive(Default)]
struct Epochs {
    open: BTreeMap<u64, Interval>,
    closed: Timeline,
    results: u64,
}

impl Epochs {
    /// Whether anything came.
    fn collect(&mut self, collectors: &mut [IntervalCollector]) -> bool {
        let before = self.results;
        for collector in collectors {
            collector.collect(|part| {
                self.results += part.latency.len();
                let interval = self.open.entry(part.epoch).or_insert_with(|| Interval {
                    start_ns: u64::MAX,
                    end_ns: 0,
                    events_out: 0,
                    latency: new_histogram(),
                    hiccup_ns_max: 0,
                });
                let start_ns = part.start_ns.saturating_sub(START_NS);
                interval.start_ns = interval.start_ns.min(start_ns);
                interval.end_ns = interval.end_ns.max(part.end_ns.saturating_sub(START_NS));
                interval.events_out += part.latency.len();
                merge(&mut interval.latency, &part.latency);
            });
        }
        while self.open.len() > EPOCHS_OPEN {
            if let Some((_, oldest)) = self.open.pop_first() {
                self.closed.push(oldest);
            }
        }
        self.results > before
    }

    fn tell(&self, progress: &mut dyn FnMut(Update)) {
        if let Some((_, last)) = self.open.last_key_value() {
            progress(Update {
                events_out: self.results,
                events_per_s: last.throughput_events_per_s(),
                latency_ns_p99: last.latency.value_at_quantile(0.99),
            });
        }
    }

    fn into_intervals(mut self) -> Vec<Interval> {
        std::mem::take(&mut self.open)
            .into_values()
            .for_each(|interval| self.closed.push(interval));
        self.closed.into_intervals()
    }
}
