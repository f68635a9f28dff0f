//! What a run may be told, and what it makes of what it was not told.

use super::checkpoint_options::CheckpointOptions;
use super::failure::FailureOptions;
use super::split::SplitHot;
use crate::runtime::{BalanceOptions, Control, Idle, RunOptions};
use crate::schedule::Allocator;
use crate::sys::topology::cpus_allowed;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Partitions for each core of several: enough that work can be shared out, few enough that a round moves many
/// messages a ring (a poll and a commit cost what ten messages do).
const PARTITIONS_PER_CORE: usize = 4;
/// On one core alone: `aggregate` does 49–52 M/s with two, 42–47 with four, 45–47 with one, whose messages all wait for the
/// same pointer of one ring.
const PARTITIONS_ONE_CORE: usize = 2;
/// Slots of a ring whose two ends are on one core: all of a core's rings stay in its cache.
const RING_SLOTS_ONE_CORE: usize = 512;
/// Slots of a ring between cores; with 512–1,024 two cores lose 30 % to waiting for each other.
const RING_SLOTS_CROSS: usize = 4096;
/// Messages a task takes from one ring in one step, or the source offers: on one core at least, and for each partition.
/// A step of a partition costs 0.3 µs beside its events (the first of them wait for memory, later ones were
/// prefetched), so with 32 of them for each of 16 partitions it does 31 M/s where it does 38 with 128.
const BUDGET_ONE_CORE: usize = 512;
const BUDGET_A_PARTITION: usize = 128;
/// More than this leaves the cache, ring by ring.
const BUDGET_MAX: usize = 4096;
const BUDGET_CROSS: usize = 1024;
/// Address space shared out among the tables of a run (of the 128 TiB a process has).
const RESERVE_TOTAL_BYTES: u64 = 32 << 40;

/// Partitions of a keyed stage that nobody numbered, on so many cores.
pub fn partitions_for(cores: usize) -> usize {
    match cores {
        0 | 1 => PARTITIONS_ONE_CORE,
        more => PARTITIONS_PER_CORE * more,
    }
}

/// Which entry of bounded state makes room for another: a policy within sets of sixteen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatePolicy {
    /// [`crate::state::hot::S3Fifo`].
    #[default]
    S3Fifo,
    /// [`crate::state::hot::Clock`].
    Clock,
}

/// In which order a task with several inputs takes its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they arrive, which differs from run to run.
    #[default]
    Arrival,
    /// As the source offered them, in every run: equal inputs and partitions give equal outputs.
    Deterministic,
}

impl Order {
    /// As reports and configurations call it.
    pub fn word(self) -> &'static str {
        match self {
            Order::Arrival => "arrival",
            Order::Deterministic => "deterministic",
        }
    }
}

/// How to run a flow. `0` leaves a number to the engine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the flow, for reports.
    pub name: String,
    /// Cores; 0: one for each of `cpus`, or else all CPUs the process may use but one, which is left to the system.
    pub cores: usize,
    /// Partitions of a keyed stage; 0: as [`partitions_for`] says: two on one core, else four for each.
    pub partitions: usize,
    /// In which order a task with several inputs takes its events.
    pub order: Order,
    /// Ends the run after so many events, if the source has not ended before.
    pub events_max: Option<u64>,
    /// When the run was asked for: the time to its first result counts from there; `None`: when it is built.
    pub called: Option<Instant>,
    /// Whether the events of a hot key may go to several partitions, in stages made with
    /// [`keyed_mergeable`](super::KeyedStream::keyed_mergeable).
    pub split_hot: SplitHot,
    /// How tasks are allocated to cores.
    pub allocate: Allocator,
    /// How a core without work waits.
    pub idle: Idle,
    /// Whether to pin cores to CPUs.
    pub pin: bool,
    /// The CPU of each core, as many as there are cores or more; empty: all allowed, in the order in which they do best
    /// ([`crate::sys::cpus::Cpus::order`]).
    pub cpus: Vec<u32>,
    /// How tasks are moved between cores while it runs.
    pub balance: BalanceOptions,
    /// The core of each task at the start, the source first, then the partitions of each stage; the last counts
    /// for all that follow. Empty: the engine places them.
    pub place: Vec<usize>,
    /// The way for others to control the run; `None`: it has none.
    pub control: Option<Arc<Control>>,
    /// Slots of a ring; 0: by whether cores share it.
    pub ring_slots: usize,
    /// Messages a task takes from one ring in one step; 0: by the number of cores.
    pub budget: usize,
    /// Time between two barriers, ns; an epoch is one line of the timeline.
    pub interval_ns: u64,
    /// Keys to make room for from the start, over all partitions of a stage; 0: start small and grow.
    pub expected_keys: usize,
    /// Addresses reserved for each table, bytes; 0: as much as the machine could ever fill.
    pub reserve_bytes: usize,
    /// Memory for keyed state over all stages and partitions, bytes; 0: as much as it comes to.
    pub state_memory_bytes: u64,
    /// Which entry makes room for another where memory is bounded.
    pub state_policy: StatePolicy,
    /// Directory for the files of bounded state; `None`: one of its own among the temporary files.
    pub state_dir: Option<PathBuf>,
    /// Time to live of a key, ns of event time; 0: for ever. For stages that know the event time.
    pub state_ttl_ns: u64,
    /// Checkpoints; `None`: none are made.
    pub checkpoint: Option<CheckpointOptions>,
    /// What is done about events at which an operator fails.
    pub failure: FailureOptions,
    /// Seed of everything random.
    pub seed: u64,
    /// Set to end the run early, as Ctrl-C does.
    pub stop: Arc<AtomicBool>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            name: "flow".into(),
            cores: 0,
            partitions: 0,
            order: Order::default(),
            events_max: None,
            called: None,
            split_hot: SplitHot::default(),
            allocate: Allocator::default(),
            idle: Idle::default(),
            pin: true,
            cpus: Vec::new(),
            balance: BalanceOptions::default(),
            place: Vec::new(),
            control: None,
            ring_slots: 0,
            budget: 0,
            interval_ns: 1_000_000_000,
            expected_keys: 0,
            reserve_bytes: 0,
            state_memory_bytes: 0,
            state_policy: StatePolicy::default(),
            state_dir: None,
            state_ttl_ns: 0,
            checkpoint: None,
            failure: FailureOptions::default(),
            seed: 1,
            stop: Arc::default(),
        }
    }
}

/// The same with every number filled in.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Cores.
    pub cores: usize,
    /// Partitions of a keyed stage.
    pub partitions: usize,
    /// Slots of a ring.
    pub ring_slots: usize,
    /// Messages a task takes from one ring in one step.
    pub budget: usize,
}

impl Options {
    /// Fills in what was left to the engine.
    pub fn resolve(&self) -> Resolved {
        let or = |given: usize, chosen: usize| if given == 0 { chosen } else { given };
        let spare_one = || cpus_allowed().len().saturating_sub(1).max(1);
        let cores = match (self.cores, self.cpus.len()) {
            (0, 0) => spare_one(),
            (0, given) => given,
            (cores, _) => cores,
        };
        let one = cores == 1;
        let partitions = or(self.partitions, partitions_for(cores));
        let of_partitions = partitions.saturating_mul(BUDGET_A_PARTITION);
        Resolved {
            cores,
            partitions,
            ring_slots: or(
                self.ring_slots,
                if one {
                    RING_SLOTS_ONE_CORE
                } else {
                    RING_SLOTS_CROSS
                },
            ),
            budget: or(
                self.budget,
                if one {
                    of_partitions.clamp(BUDGET_ONE_CORE, BUDGET_MAX)
                } else {
                    BUDGET_CROSS
                },
            ),
        }
    }

    /// Addresses for each of `tables` tables, bytes.
    pub(super) fn reserve_bytes(&self, tables: usize) -> usize {
        if self.reserve_bytes > 0 {
            return self.reserve_bytes;
        }
        let share = RESERVE_TOTAL_BYTES / tables.max(1) as u64;
        share.min(64 << 30) as usize
    }

    pub(super) fn run_options(&self) -> RunOptions {
        let resolved = self.resolve();
        RunOptions {
            cores: resolved.cores,
            pin: self.pin,
            cpus: self.cpus.clone(),
            idle: self.idle,
            budget: resolved.budget,
            stop: self.stop.clone(),
            step_deadline_ns: self.failure.step_deadline_ns,
            balance: self.balance,
            control: self.control.clone(),
        }
    }
}
