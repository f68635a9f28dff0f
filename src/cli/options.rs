//! What the engine is told, made from a configuration.

use super::config::choice::{
    CheckpointWriter, FailurePolicy, Idle as IdleChoice, Order as OrderChoice, SinkKind,
    SplitHot as SplitChoice, StatePolicy as PolicyChoice, Strike as StrikeChoice,
};
use super::config::value::Auto;
use super::config::{App, Config};
use super::error::CliError;
use super::interrupt;
use crate::app::recommend;
use crate::checkpoint::WriterKind;
use crate::failure::{Drill, Policy, Strike};
use crate::flow::{CheckpointOptions, FailureOptions, Options, Order, SplitHot, StatePolicy};
use crate::runtime::Idle;
use std::time::Duration;

pub(super) fn params(config: &Config) -> Result<recommend::Params, CliError> {
    let section = &config.recommend;
    let answers_kept = config.cache.answers.unwrap_or(0) as usize;
    recommend::Params::default()
        .with_answers_kept(answers_kept)
        .with_answer_items(section.top_n as usize)
        .map(|params| params.with_half_life_ns(section.half_life_ns.unwrap_or(0)))
        .map_err(|error| CliError::usage(error.to_string()).at("recommend.top_n"))
}

/// The checkpoints that the configuration asks for.
fn checkpoint(config: &Config) -> Option<CheckpointOptions> {
    let section = &config.checkpoint;
    let thread = WriterKind::Thread;
    let mut options = CheckpointOptions::new(section.dir.clone()?);
    options.interval_ns = section.interval_ns;
    options.writer = match section.writer {
        CheckpointWriter::Thread => thread,
        CheckpointWriter::Process => std::env::current_exe().map_or(thread, WriterKind::Process),
    };
    options.staging_bytes = section.staging_bytes.given().map_or(0, |bytes| bytes.0);
    options.restore = section.restore;
    options.read_only = config.repeats.is_some();
    options.request = interrupt::checkpoint_flag();
    Some(options)
}

/// The options of the engine.
pub(super) fn options(config: &Config) -> Options {
    let number = |value: Auto<u64>| value.given().unwrap_or(0) as usize;
    let runtime = &config.runtime;
    let name = match config.app {
        App::Aggregate => "aggregate",
        App::Recommend => "recommend",
    };
    Options {
        name: name.into(),
        cores: number(runtime.cores),
        partitions: number(runtime.partitions),
        order: match runtime.order {
            OrderChoice::Arrival => Order::Arrival,
            OrderChoice::Deterministic => Order::Deterministic,
        },
        allocate: runtime.allocate,
        events_max: config.repeats,
        called: Some(config.read_at),
        split_hot: match config.partition.split_hot {
            SplitChoice::Off => SplitHot::Off,
            SplitChoice::On => SplitHot::On,
            // In a file the rows of a split key stand in another order.
            SplitChoice::Auto if config.sink.kind != SinkKind::Discard => SplitHot::Off,
            SplitChoice::Auto => SplitHot::Auto,
        },
        idle: match runtime.idle {
            IdleChoice::Busy => Idle::Busy,
            IdleChoice::Adaptive => Idle::Adaptive,
            IdleChoice::Park => Idle::Park,
        },
        pin: runtime.pin,
        cpus: runtime.cpus.clone(),
        balance: config.balance.options,
        place: runtime
            .place
            .clone()
            .given()
            .map_or_else(Vec::new, |places| places.0),
        control: config.control.clone(),
        ring_slots: number(runtime.ring_slots),
        budget: number(runtime.budget),
        interval_ns: config.report.interval_ns,
        expected_keys: number(config.state.expected_keys),
        reserve_bytes: 0,
        state_memory_bytes: config.state.memory_bytes.unwrap_or(0),
        state_policy: match config.state.policy {
            PolicyChoice::S3Fifo => StatePolicy::S3Fifo,
            PolicyChoice::Clock => StatePolicy::Clock,
        },
        state_dir: Some(config.state.dir(&config.report)),
        state_ttl_ns: config.state.ttl_ns.unwrap_or(0),
        checkpoint: checkpoint(config),
        failure: failure(config),
        seed: config.seed,
        stop: interrupt::stop_flag(),
    }
}

fn failure(config: &Config) -> FailureOptions {
    let (section, report) = (&config.failure, &config.report);
    let policy = match section.policy {
        FailurePolicy::Stop => Policy::stop(),
        FailurePolicy::Skip => Policy::skip(),
        FailurePolicy::DeadLetter => Policy::dead_letter(),
    };
    let policy = policy.retry(section.retries, Duration::from_nanos(section.back_off_ns));
    // The defaults leave stages as they are: a panic ends the run, and nothing is paid for it.
    let as_ever = section.policy == FailurePolicy::Stop && section.retries == 0;
    let strike = match section.inject_as {
        StrikeChoice::Panic => Strike::Panic,
        StrikeChoice::Abort => Strike::Abort,
        StrikeChoice::Hang => Strike::Hang,
    };
    FailureOptions {
        policy: (!as_ever).then_some(policy),
        dead_letter: Some(section.dead_letter(report)),
        killer_dir: section.killer_dir(report),
        drill: section
            .inject
            .map(|one_in| Drill::new(one_in, config.seed, strike)),
        step_deadline_ns: section.step_deadline_ns,
    }
}
