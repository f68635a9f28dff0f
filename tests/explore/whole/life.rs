//! One life of a flow: from its recovery to its end, or to the place where everything stops.

use crate::explore::whole::oracle::{Counted, Oracle, Seen, bucket};
use crate::explore::whole::{CHECKPOINTS, RESULTS};
use millstream::app::aggregate::Aggregated;
use millstream::flow::{
    CheckpointOptions, Flow, FlowError, Options, Order, Restore, ResultsLink, SimulatedOutcome,
};
use millstream::runtime::SimulateError;
use millstream::sink::{FileSink, NoTexts, ResultsPart, SteppedFile};
use millstream::source::Slice;
use millstream::source::trace::native::KeyedRecord;
use millstream::sys::random::Random;
use millstream::sys::simulated_disk::SimulatedDisk;
use millstream::task::Task;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where everything stops.
#[derive(Clone, Copy, Debug)]
pub(super) enum Crash {
    Never,
    /// After so many steps.
    Steps(u64),
    /// After this call to the disk.
    Calls(u64),
}

/// A life to be lived.
pub(super) struct Life {
    pub(super) seed: u64,
    pub(super) partitions: usize,
    pub(super) crash: Crash,
}

/// How it went.
pub(super) struct Lived {
    pub(super) end: End,
    /// The last epoch that the flow was told is durable.
    pub(super) durable: u64,
    /// Whether a task was stepped.
    pub(super) started: bool,
}

/// How it ended.
pub(super) enum End {
    /// As it should.
    Whole {
        digest: Option<u64>,
    },
    Crashed,
    /// Tasks waited for what never came.
    Stuck(String),
    Failed(String),
}

/// The part that a file of results is, and who hears what it is told.
struct Witness {
    link: ResultsLink,
    durable: Arc<AtomicU64>,
}

impl ResultsPart for Witness {
    fn ready(&mut self, epoch: u64, position: &[u8]) {
        self.link.ready(epoch, position);
    }

    fn durable(&self) -> u64 {
        let durable = self.link.durable();
        self.durable.fetch_max(durable, Ordering::Relaxed);
        durable
    }

    fn gone(&mut self) {
        self.link.gone();
    }
}

impl Life {
    pub(super) fn live(&self, disk: &SimulatedDisk, oracle: &Oracle) -> Lived {
        let durable = Arc::new(AtomicU64::new(0));
        if let Crash::Calls(last) = self.crash {
            disk.crash_after(last);
        }
        let mut steps = 0;
        let mut stops = || {
            steps += 1;
            match self.crash {
                Crash::Never => false,
                Crash::Steps(last) => steps > last,
                Crash::Calls(last) => disk.operations() >= last,
            }
        };
        let run = self.run(disk, oracle, &durable, &mut stops);
        let stopped = stops();
        // What was dropped by now came after the crash.
        let end = match run {
            Ok(_) | Err(_) if stopped && matches!(self.crash, Crash::Calls(_)) => End::Crashed,
            Ok(digest) => End::Whole { digest },
            Err(Why::Stopped) => End::Crashed,
            Err(Why::Stuck(why)) => End::Stuck(why),
            Err(Why::Failed(why)) => End::Failed(why),
        };
        Lived {
            end,
            durable: durable.load(Ordering::Relaxed),
            started: steps > 1,
        }
    }

    fn run(
        &self,
        disk: &SimulatedDisk,
        oracle: &Oracle,
        durable: &Arc<AtomicU64>,
        stops: &mut dyn FnMut() -> bool,
    ) -> Result<Option<u64>, Why> {
        let mut random = Random::stream(self.seed, "life");
        let mut checkpoint = CheckpointOptions::new(CHECKPOINTS);
        checkpoint.simulated = Some(disk.clone());
        checkpoint.restore = Restore::LatestOrAnew;
        checkpoint.interval_ns = [20_000, 100_000, 1_000_000][random.below(3) as usize];
        // The fewest frames, at which epochs run out of room, or enough.
        checkpoint.staging_bytes = [1, 4 << 20][random.below(2) as usize];
        let options = Options {
            name: "whole".into(),
            cores: 1,
            partitions: self.partitions,
            ring_slots: [1, 2, 7, 32, 256][random.below(5) as usize],
            interval_ns: 50_000 + random.below(1_000_000),
            order: match random.below(4) {
                0 => Order::Deterministic,
                _ => Order::Arrival,
            },
            // In every second life most keys are cold most of the time.
            state_memory_bytes: [0, 0, 1, 8 << 10]
                [Random::stream(self.seed, "memory").below(4) as usize],
            reserve_bytes: 1 << 24,
            checkpoint: Some(checkpoint.clone()),
            ..Options::default()
        };
        let (link, position) = checkpoint.results(&options.name)?;
        let part = Box::new(Witness {
            link,
            durable: durable.clone(),
        });
        let (file, sinks) = SteppedFile::<Aggregated, _>::new(
            disk.clone(),
            Path::new(RESULTS),
            self.partitions,
            Arc::new(NoTexts),
            part,
            position.as_deref(),
        )?;
        let end = file.end();
        let mut halt = || {
            let stops = stops();
            if stops {
                // Whatever is still done while everything is let go of came too late.
                disk.crash_after(disk.operations());
            }
            stops
        };
        let outcome = self.simulate(oracle, options, sinks, Box::new(file), &mut halt)?;
        match end.get() {
            Some(Ok(_)) => Ok(outcome.answers.digest),
            Some(Err(error)) => Err(Why::Failed(error.to_string())),
            None => Err(Why::Failed("the file of results came to no end".into())),
        }
    }

    fn simulate(
        &self,
        oracle: &Oracle,
        options: Options,
        sinks: Vec<FileSink<Aggregated>>,
        file: Box<dyn Task>,
        stops: &mut dyn FnMut() -> bool,
    ) -> Result<SimulatedOutcome<FileSink<Aggregated>>, FlowError> {
        let mut sinks = sinks.into_iter();
        let sink = move |_| sinks.next().expect("one for each partition");
        let events = oracle.events.clone();
        let source = Slice::new(events, |event: &KeyedRecord| event.ts_ns);
        let counted = Flow::new(options)
            .source("readings", source)
            .partition_by(|reading: &KeyedRecord| reading.key)
            .keyed("counted", |_| Counted);
        if oracle.two_stages {
            let seen = counted
                .partition_by(bucket)
                .keyed("seen", |_| Seen)
                .sink(sink);
            seen.simulate_until(self.seed, vec![file], stops)
        } else {
            let job = counted.sink(sink);
            job.simulate_until(self.seed, vec![file], stops)
        }
    }
}

/// Why a run came to no end.
enum Why {
    Stopped,
    Stuck(String),
    Failed(String),
}

impl From<FlowError> for Why {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Simulate(SimulateError::Stopped { .. }) => Why::Stopped,
            FlowError::Simulate(stuck @ SimulateError::Stuck { .. }) => {
                Why::Stuck(stuck.to_string())
            }
            error => Why::Failed(error.to_string()),
        }
    }
}

impl From<millstream::sink::SinkError> for Why {
    fn from(error: millstream::sink::SinkError) -> Self {
        Why::Failed(error.to_string())
    }
}
