//! The task: one single-threaded piece of a flow, a state machine that is stepped and never blocks.
//!
//! A core steps its tasks in turn; so does the simulator, with a virtual clock. Whatever a task knows of
//! the world comes through [`Context`]: time, how much it may do, whether the run is to end.
//!
//! ```text
//!   step:  take from inputs (≤ budget) ──► work ──► push to Downstream ──► flush: publish, stamp
//!                                                      │ a ring is full
//!                                                      └─► keep it, report Blocked, take nothing more
//! ```

use crate::event::{Due, Marker};
use crate::sys::clock::Clock;
use hdrhistogram::Histogram;
use std::any::Any;
use std::cell::Cell;
use std::fmt::Debug;
use std::rc::Rc;

/// What a task is handed for one step.
#[derive(Clone, Debug)]
pub struct Context {
    /// The run's clock.
    pub clock: Clock,
    /// Time at the start of this round of the core, ns.
    pub now_ns: u64,
    /// Messages a task may take in from one ring in one step.
    pub budget: usize,
    /// The run is to end: sources stop, the rest drains.
    pub stopping: bool,
    /// While a watermark or the end is handled in deterministic order: when what it puts out is due.
    pub marker_due: Option<Due>,
    /// What tasks have given to checkpoints in this round of the core; the core counts it and starts anew.
    pub checkpoint: CheckpointTime,
}

/// Time given to checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckpointTime {
    /// At barriers, ns.
    pub barrier_ns: u64,
    /// Copying blocks, ns.
    pub blocks_ns: u64,
}

impl CheckpointTime {
    /// All of it, ns.
    pub fn total_ns(self) -> u64 {
        self.barrier_ns + self.blocks_ns
    }
}

impl Context {
    /// What waits for a time until this one goes on now; all of it, where the run is to end.
    pub fn wake_ns(&self) -> u64 {
        if self.stopping { u64::MAX } else { self.now_ns }
    }

    /// For a task that is stepped by another, where time stands still at `now_ns`.
    pub fn at(now_ns: u64) -> Self {
        Context {
            clock: Clock::Virtual(Rc::new(Cell::new(now_ns))),
            now_ns,
            budget: usize::MAX,
            stopping: false,
            marker_due: None,
            checkpoint: CheckpointTime::default(),
        }
    }
}

/// What a step achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Something moved.
    Worked,
    /// Nothing to do; for a source: until then (ns of the run's clock), if it knows.
    Idle(Option<u64>),
    /// Output is kept back by a full ring.
    Blocked,
    /// The stream has ended and everything is handed on. The task is not stepped again.
    Done,
}

/// How far a task is, for who watches it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// Events taken in so far, or offered by a source.
    pub events: u64,
    /// Messages that wait in its rings.
    pub waiting: u64,
}

/// Why a task ended the run.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TaskError {
    /// What happened, where, and what to do.
    pub message: String,
    /// The cause, where there is one.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// One single-threaded piece of a flow.
pub trait Task: Send {
    /// Does at most a budget's worth of work.
    ///
    /// # Errors
    /// When the run cannot go on (a source that cannot be read).
    fn step(&mut self, cx: &mut Context) -> Result<Progress, TaskError>;

    /// How far it is. Asked for between two steps, now and then.
    fn gauge(&self) -> Gauge {
        Gauge::default()
    }

    /// Messages that fit in its rings, all together; 0: it has none. Asked for once, before the first step.
    fn ring_slots(&self) -> usize {
        0
    }

    /// The event that was being worked on, for the report of a panic.
    fn at_event(&self) -> Option<String> {
        None
    }

    /// What it counted, after its last step.
    fn figures(self: Box<Self>) -> Figures;
}

/// Where a task's outputs go: an exchange, a sink, or a fused step before one of these.
pub trait Downstream<T>: Send + Sized {
    /// Takes one output. Never fails: what finds no room is kept until [`Downstream::flush`].
    fn push(&mut self, due: Due, value: T);

    /// Takes a marker, in order with the outputs.
    fn marker(&mut self, marker: Marker, cx: &mut Context);

    /// Whether something is kept back, so that the task should take no more input.
    fn is_blocked(&self) -> bool;

    /// Publishes everything; false while something is kept back, and then nothing more may be pushed.
    fn flush(&mut self, cx: &mut Context) -> bool;

    /// Appends what it has to remember for a checkpoint, as it is now.
    fn save(&self, saved: &mut Vec<u8>) {
        let _ = saved;
    }

    /// Adds what it counted, after the last step.
    fn figures(self, figures: &mut Figures);
}

/// What one task counted, handed over once at the end.
#[derive(Debug, Default)]
pub struct Figures {
    /// Source, stage or sink, as the user named it.
    pub stage: String,
    /// Position of the stage in the flow; 0 is the source.
    pub stage_index: usize,
    /// Partition of the stage.
    pub partition: usize,
    /// How events reach the partitions of this stage; empty for a source.
    pub partitioner: String,
    /// Events taken in.
    pub events_in: u64,
    /// Outputs that were handed on.
    pub events_out: u64,
    /// Events without an output.
    pub events_filtered: u64,
    /// Outputs beyond the first of an event.
    pub events_expanded: u64,
    /// Records that came too late for the watermark.
    pub events_late: u64,
    /// Records set aside.
    pub events_dead_letter: u64,
    /// Keys held.
    pub keys: u64,
    /// Keys whose time to live had passed.
    pub keys_expired: u64,
    /// Bytes of state in memory.
    pub state_bytes: u64,
    /// Waiting time of sampled events in front of this task, ns.
    pub queueing: Option<Histogram<u64>>,
    /// In deterministic order: how long events at hand waited for an input that was behind, ns, once for each
    /// time that this held the task up.
    pub held: Option<Histogram<u64>>,
    /// For a source: how late it took events up, ns.
    pub late_start: Option<Histogram<u64>>,
    /// For a source: when its first event was due, and when its last was offered, ns.
    pub offered_range: Option<(u64, u64)>,
    /// For a source: checkpoints that came later than they were due.
    pub checkpoints_late: u64,
    /// For a source: the pace it was asked to keep.
    pub pace: String,
    /// For a source: the rate asked for, events a second.
    pub asked_events_per_s: Option<f64>,
    /// Results that reached a sink here.
    pub results: u64,
    /// For a sink: when its first result was stamped, ns of the run's clock.
    pub first_result_ns: Option<u64>,
    /// For a sink: service times of sampled events, ns.
    pub service: Option<Histogram<u64>>,
    /// For a sink: what it recorded since the last barrier it could hand over.
    pub last_epoch: Option<LastEpoch>,
    /// For a sink: its digest, where it has one.
    pub digest: Option<u64>,
    /// For a sink: the sink itself, for whoever built the flow.
    pub sink: Option<Box<dyn Any + Send>>,
    /// What checkpoints took of its time, where it took part in any.
    pub checkpoints: Option<Box<CheckpointFigures>>,
    /// Where it sends by key: the keys it sent most of.
    pub keys_sent: Option<Box<KeysSent>>,
    /// Caches of this task: that of its state, and those of its operator.
    pub caches: Vec<CacheFigures>,
    /// Named figures of an operator, added up over partitions.
    pub measures: Vec<(String, f64)>,
    /// Lines an operator or a source wants people to read.
    pub notes: Vec<String>,
}

/// The keys that a task sent most of, from a sample of its events.
#[derive(Clone, Debug, Default)]
pub struct KeysSent {
    /// Events sent by key.
    pub events: u64,
    /// Of these, in the sample.
    pub sampled: u64,
    /// In the sample no other key stands for more events.
    pub unlisted_max: u64,
    /// The largest count first.
    pub keys: Vec<KeySent>,
    /// Whether hot keys may be split.
    pub splits: bool,
}

/// How much of a key was sent. Of the sample it is certain that it stands for `count - error` to `count` events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeySent {
    /// The key.
    pub key: u64,
    /// At most.
    pub count: u64,
    /// At least so many less.
    pub error: u64,
    /// The partition it belongs to; `None` where it has no single one.
    pub partition: Option<usize>,
    /// Events of it sent while it was split.
    pub events_split: u64,
    /// Times it went on by another partition.
    pub moves: u64,
}

/// What checkpoints took of a task's time.
#[derive(Clone, Debug)]
pub struct CheckpointFigures {
    /// From a barrier's having reached all inputs to its being sent on, once a checkpoint, ns.
    pub barrier: Histogram<u64>,
    /// Handing over a block whose turn it was, ns.
    pub block: Histogram<u64>,
    /// Blocks copied before their turn, because an event was about to write to them.
    pub copies: u64,
    /// The most of these in one step.
    pub copies_step_max: u64,
    /// Steps with events while state was being handed over, ns.
    pub step: Histogram<u64>,
    /// As many steps after it was, ns.
    pub step_between: Histogram<u64>,
}

impl CheckpointFigures {
    /// Nothing yet, in histograms that `empty` makes.
    pub fn new(empty: fn() -> Histogram<u64>) -> Self {
        CheckpointFigures {
            barrier: empty(),
            block: empty(),
            copies: 0,
            copies_step_max: 0,
            step: empty(),
            step_between: empty(),
        }
    }
}

/// What one cache of a task counted.
#[derive(Clone, Debug, Default)]
pub struct CacheFigures {
    /// What is cached: "state", or as the operator calls it.
    pub name: &'static str,
    /// The replacement policy.
    pub policy: &'static str,
    /// Entries it has room for.
    pub capacity_slots: u64,
    /// Entries held at the end.
    pub len: u64,
    /// References that found what they wanted.
    pub hits: u64,
    /// References that did not.
    pub misses: u64,
    /// Of the misses, those for a key that had never been seen, or was forgotten.
    pub misses_new: u64,
    /// Entries that made room for others.
    pub evictions: u64,
    /// Entries that were dropped because what they held was no longer true.
    pub invalidations: u64,
    /// Entries whose time to live had passed.
    pub expirations: u64,
    /// What lies behind it, where there is something.
    pub cold: Option<ColdFigures>,
}

/// What the cold tier behind a cache counted.
#[derive(Clone, Debug)]
pub struct ColdFigures {
    /// Records asked for and not found in memory.
    pub reads: u64,
    /// Time from asking to having, ns.
    pub read: Histogram<u64>,
    /// Records written, those moved by compaction among them.
    pub writes: u64,
    /// Records that compaction moved.
    pub moved: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes of the records in it that are the latest of their key.
    pub live_bytes: u64,
    /// Bytes of memory that say where a key's record is.
    pub index_bytes: u64,
    /// Events that waited for a record, most at a time.
    pub waiting_max: u64,
}

/// Latencies that no barrier closed any more.
#[derive(Debug)]
pub struct LastEpoch {
    /// Start, ns of the run's clock.
    pub start_ns: u64,
    /// End, ns of the run's clock.
    pub end_ns: u64,
    /// Latencies, ns.
    pub latency: Histogram<u64>,
}

/// Remembers which event is being processed, for the report of a panic; costs a store an event.
#[derive(Debug)]
pub struct Watch<'a, E: Debug> {
    /// The event, while there is one.
    pub event: Option<&'a E>,
    /// Where its `Debug` text goes if a panic passes by.
    pub interrupted: &'a mut Option<String>,
}

impl<'a, E: Debug> Watch<'a, E> {
    /// `event` is being processed.
    #[inline(always)]
    pub fn at(event: &'a E, interrupted: &'a mut Option<String>) -> Self {
        Watch {
            event: Some(event),
            interrupted,
        }
    }
}

impl<E: Debug> Drop for Watch<'_, E> {
    #[inline(always)]
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.interrupted = self.event.map(|event| format!("{event:?}"));
        }
    }
}
