//! A finished flow: run it on cores, or simulate it from a seed.

use super::account::{Answers, Facts, account};
use super::options::Options;
use super::plan::{FlowError, Plan};
use super::stages::Build;
use crate::latency::Report;
use crate::runtime::{Update, run, simulate};
use crate::sink::{Sink, SinkEnd};
use std::marker::PhantomData;

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
        let placed = self.plan(true)?.place();
        let seats: Vec<(String, usize)> = placed
            .tasks
            .iter()
            .map(|task| (task.name.clone(), task.core))
            .collect();
        let options = placed.options;
        let mut record = run(
            placed.tasks,
            placed.collectors,
            &options.run_options(),
            progress,
        )?;
        drop(placed.prefaulter);
        let sinks = take_sinks(&mut record.figures);
        let facts = Facts {
            options: &options,
            seats: &seats,
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
        let placed = self.plan(false)?.place();
        let mut figures = simulate(placed.tasks, seed)?;
        let sinks = take_sinks(&mut figures);
        Ok(SimulatedOutcome {
            answers: Answers::of(&figures),
            sinks,
        })
    }

    fn plan(mut self, real: bool) -> Result<Plan, FlowError> {
        let mut plan = Plan::new(&self.options, real)?;
        plan.tables = self.build.tables(&plan);
        let width = self.build.width(&plan);
        let mut ends = Vec::with_capacity(width);
        for partition in 0..width {
            let port = real.then(|| plan.interval_port());
            ends.push(SinkEnd::new((self.make)(partition), port));
        }
        self.build.build(ends, &mut plan)?;
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
