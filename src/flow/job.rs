//! A finished flow: run it on cores, or simulate it from a seed.

use super::account::{Answers, Facts, account};
use super::checkpoint::Parts;
use super::cold::{Helper, Servers};
use super::near_memory::near_memory;
use super::options::Options;
use super::plan::{FlowError, Plan};
use super::split::something_to_split;
use super::stages::Build;
use super::stepped_writer::SteppedWriter;
use crate::failure::EventLetter;
use crate::latency::Report;
use crate::runtime::{Beside, PlacedTask, Update, run, simulate_beside, spare_cpus};
use crate::sink::{Sink, SinkEnd};
use crate::task::{CacheFigures, Task};
use std::marker::PhantomData;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A flow that ends in sinks of type `S`.
pub struct Job<B, S, M> {
    options: Options,
    build: B,
    make: M,
    sink: PhantomData<fn() -> S>,
}

/// What a run leaves: the report, and the sinks in the order of their partitions.
#[derive(Debug)]
pub struct Outcome<S> {
    /// Figures, histograms, timeline.
    pub report: Report,
    /// The sinks.
    pub sinks: Vec<S>,
}

/// What a simulated run leaves.
#[derive(Debug)]
pub struct SimulatedOutcome<S> {
    /// Counts and digest; the clock was virtual, so there is nothing to say about time.
    pub answers: Answers,
    /// What the caches counted, task by task.
    pub caches: Vec<CacheFigures>,
    /// The dead letters.
    pub letters: Vec<EventLetter>,
    /// The sinks.
    pub sinks: Vec<S>,
}

impl<B: Build, S: Sink<B::Out>, M: FnMut(usize) -> S> Job<B, S, M> {
    pub(super) fn new(options: Options, build: B, make: M) -> Self {
        Job {
            options,
            build,
            make,
            sink: PhantomData,
        }
    }

    /// Runs on pinned cores until the sources end.
    ///
    /// # Errors
    /// When an option is out of range, memory or threads cannot be had, an operator panics, or a source
    /// cannot be read on.
    pub fn run(self) -> Result<Outcome<S>, FlowError> {
        self.run_with(&mut |_| {})
    }

    /// The same, telling `progress` how it goes about once an epoch.
    ///
    /// # Errors
    /// As [`Job::run`].
    pub fn run_with(self, progress: &mut dyn FnMut(Update)) -> Result<Outcome<S>, FlowError> {
        let called = self.options.called.unwrap_or_else(Instant::now);
        let near = near_memory(&self.options);
        let placed = self.plan(Servers::Thread)?.place()?;
        drop(near);
        let options = placed.options;
        let spare_cpus = spare_cpus(&options.run_options());
        if placed.parts.as_ref().is_some_and(Parts::is_simulated) {
            return Err(FlowError::SimulatedDisk);
        }
        let (mut parts, mut failures) = (placed.parts, placed.failures);
        if let (Some(parts), Some(post)) = (&mut parts, failures.post()) {
            parts.letters(post)?;
        }
        let writing = parts.map(|parts| parts.start(spare_cpus)).transpose()?;
        let helper = placed.cold.start()?;
        let failures = failures.start()?;
        let record = run(
            placed.tasks,
            placed.collectors,
            &options.run_options(),
            progress,
        );
        drop(placed.prefaulter);
        helper.into_iter().for_each(Helper::end);
        // Whatever the run came to: what was sent to the writer becomes durable.
        let whole = record.is_ok();
        let checkpoints = writing.map(|writing| writing.finish(whole));
        let stopped = options.stop.load(Ordering::Relaxed);
        let letters = failures.end(record.is_ok() && !stopped);
        // A run that ended because of its letters is told why by them.
        letters?;
        let mut record = record?;
        let sinks = take_sinks(&mut record.figures);
        let facts = Facts {
            options: &options,
            allocation: &placed.allocation,
            splittable: &placed.splittable,
            checkpoints,
            prepared_ns: record.started.duration_since(called).as_nanos() as u64,
        };
        Ok(Outcome {
            report: account(record, &facts),
            sinks,
        })
    }

    /// Runs the same tasks on one thread, in an order drawn from `seed`, under a virtual clock.
    ///
    /// # Errors
    /// As [`Job::run`], and when nothing moves any more.
    pub fn simulate(self, seed: u64) -> Result<SimulatedOutcome<S>, FlowError> {
        self.simulate_with(seed, Servers::Tasks)
    }

    /// The same, with state that is not in memory there as soon as it is asked for: events keep the order
    /// they have with unbounded state, so that flows whose answers depend on that order can be compared.
    ///
    /// # Errors
    /// As [`Job::simulate`].
    pub fn simulate_in_order(self, seed: u64) -> Result<SimulatedOutcome<S>, FlowError> {
        self.simulate_with(seed, Servers::Inline)
    }

    /// As [`Job::simulate`], with checkpoints on the simulated disk of the options, whose writer is stepped as one more
    /// task; so are `beside`, such as a [`SteppedFile`](crate::sink::SteppedFile), until `stops` says that the machine
    /// stops there. Then, and where anything fails as a crash makes it fail, the disk is what is left.
    ///
    /// # Errors
    /// As [`Job::simulate`]; the checkpoint that is to be restored from cannot be; [`SimulateError::Stopped`].
    pub fn simulate_until(
        self,
        seed: u64,
        beside: Vec<Box<dyn Task>>,
        stops: &mut dyn FnMut() -> bool,
    ) -> Result<SimulatedOutcome<S>, FlowError> {
        self.simulate_beside(seed, Servers::Tasks, beside, stops)
    }

    fn simulate_with(self, seed: u64, servers: Servers) -> Result<SimulatedOutcome<S>, FlowError> {
        self.simulate_beside(seed, servers, Vec::new(), &mut || false)
    }

    fn simulate_beside(
        self,
        seed: u64,
        servers: Servers,
        beside: Vec<Box<dyn Task>>,
        stops: &mut dyn FnMut() -> bool,
    ) -> Result<SimulatedOutcome<S>, FlowError> {
        let placed = self.plan(servers)?.place()?;
        let letters = placed.failures.letters.clone();
        let mut tasks = placed.tasks;
        tasks.extend(placed.cold.into_tasks());
        let writer = placed.parts.map(Parts::stepped).transpose()?.flatten();
        let writer = writer.map(|drain| -> Box<dyn Task> { Box::new(SteppedWriter::new(drain)) });
        let helpers = writer.into_iter().chain(beside);
        let helpers = helpers.enumerate().map(|(number, task)| PlacedTask {
            name: format!("helper {number}"),
            core: 0,
            task,
        });
        let beside = Beside {
            helpers: helpers.collect(),
            stops,
        };
        let mut figures = simulate_beside(tasks, beside, seed)?;
        let sinks = take_sinks(&mut figures);
        Ok(SimulatedOutcome {
            answers: Answers::of(&figures),
            caches: figures
                .iter()
                .flat_map(|task| task.caches.iter().cloned())
                .collect(),
            letters: letters
                .lock()
                .map_or_else(|_| Vec::new(), |list| list.clone()),
            sinks,
        })
    }

    fn plan(mut self, servers: Servers) -> Result<Plan, FlowError> {
        let real = servers == Servers::Thread;
        let mut plan = Plan::new(&self.options, servers)?;
        plan.tables = self.build.tables(&plan);
        plan.last_stage = self.build.stage_index();
        let width = self.build.width(&plan);
        let mut ends = Vec::with_capacity(width);
        for partition in 0..width {
            let port = real.then(|| plan.interval_port());
            let mut sink = (self.make)(partition);
            if let Some(parts) = &plan.parts {
                parts.restore_sink(&mut sink, self.build.stage_index(), (partition, width))?;
            }
            ends.push(SinkEnd::new(sink, port));
        }
        self.build.build(ends, &mut plan)?;
        something_to_split(&plan)?;
        Ok(plan)
    }
}

/// The sinks, in the order of their partitions.
fn take_sinks<S: 'static>(figures: &mut [crate::task::Figures]) -> Vec<S> {
    let sinks = figures.iter_mut().filter_map(|figures| figures.sink.take());
    sinks
        .filter_map(|sink| sink.downcast::<S>().ok())
        .map(|sink| *sink)
        .collect()
}
