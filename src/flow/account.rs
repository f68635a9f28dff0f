//! The account of a run: from what each task counted to the report.

use super::options::Options;
use super::{account_balance, account_cache, account_checkpoint, account_chronicle, account_keys};
use crate::latency::{
    AllocationSummary, CheckpointSummary, CoreSummary, Interval, PartitionSummary, Report,
    SUMMARY_VERSION, Schedule, StageSummary, Summary, merge, new_histogram, percentiles,
};
use crate::runtime::RunRecord;
use crate::sys::clock::START_NS;
use crate::task::{CacheFigures, Figures};
use hdrhistogram::Histogram;
use std::collections::{BTreeMap, BTreeSet};

/// A schedule is kept when the events left within 1 % of the time asked for.
const SCHEDULE_TOLERANCE: f64 = 0.01;

/// What the account needs beside what the tasks counted.
pub(super) struct Facts<'a> {
    pub(super) options: &'a Options,
    pub(super) allocation: &'a AllocationSummary,
    /// Positions of the stages whose hot keys could be split.
    pub(super) splittable: &'a BTreeSet<usize>,
    pub(super) checkpoints: Option<CheckpointSummary>,
    /// From the call that runs the job to the start of the run's clock, ns.
    pub(super) prepared_ns: u64,
}

/// The counts of a run and the digest of its answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Events that the source took in.
    pub events_in: u64,
    /// Results that reached the sinks.
    pub events_out: u64,
    /// Events without an output of their own.
    pub events_filtered: u64,
    /// Outputs beyond the first of an event.
    pub events_expanded: u64,
    /// Too late.
    pub events_late: u64,
    /// Set aside.
    pub events_dead_letter: u64,
    /// Sent on by one stage and not taken in by the next, and the like; 0 after a drained run.
    pub events_in_flight: u64,
    /// Wrapping sum of the sinks' digests.
    pub digest: Option<u64>,
}

impl Answers {
    /// Adds up over tasks.
    pub(super) fn of(figures: &[Figures]) -> Self {
        let sum = |count: fn(&Figures) -> u64| figures.iter().map(count).sum::<u64>();
        let last = figures
            .iter()
            .map(|task| task.stage_index)
            .max()
            .unwrap_or(0);
        // What every exchange let in on one side and has not let out on the other.
        let stage = |index: usize| figures.iter().filter(move |task| task.stage_index == index);
        let in_flight = (1..=last).map(|index| {
            let sent: u64 = stage(index - 1).map(|task| task.events_out).sum();
            let received: u64 = stage(index).map(|task| task.events_in).sum();
            sent.saturating_sub(received)
        });
        Answers {
            events_in: figures
                .iter()
                .filter(|task| task.stage_index == 0)
                .map(|task| task.events_in + task.events_late + task.events_dead_letter)
                .sum(),
            events_out: sum(|task| task.results),
            events_filtered: sum(|task| task.events_filtered),
            events_expanded: sum(|task| task.events_expanded),
            events_late: sum(|task| task.events_late),
            events_dead_letter: sum(|task| task.events_dead_letter),
            events_in_flight: in_flight.sum(),
            digest: figures
                .iter()
                .filter_map(|task| task.digest)
                .reduce(u64::wrapping_add),
        }
    }

    /// Whether everything that came in is accounted for.
    pub fn balanced(&self) -> bool {
        self.events_in + self.events_expanded
            == self.events_out
                + self.events_filtered
                + self.events_late
                + self.events_dead_letter
                + self.events_in_flight
    }
}

/// Everything a run has to say. What only the caller knows (command, environment) is left to it.
pub(super) fn account(record: RunRecord, facts: &Facts<'_>) -> Report {
    let answers = Answers::of(&record.figures);
    let (latency, service) = end_histograms(&record);
    let last_result_ns = record
        .intervals
        .iter()
        .map(|interval| interval.end_ns)
        .max();
    let last_epoch_ns = record
        .figures
        .iter()
        .filter_map(|task| task.last_epoch.as_ref());
    let end_ns = last_epoch_ns
        .map(|epoch| epoch.end_ns.saturating_sub(START_NS))
        .max();
    let due = record.figures.iter().find_map(|task| task.offered_range);
    let first_ns = due.map_or(0, |(first, _)| first.saturating_sub(START_NS));
    let elapsed_ns = end_ns
        .max(last_result_ns)
        .unwrap_or(0)
        .saturating_sub(first_ns);
    let results = record
        .figures
        .iter()
        .filter_map(|task| task.first_result_ns);
    let first_result_ns = results.min().map(|ns| ns.saturating_sub(START_NS));
    let mut summary = Summary {
        first_result_ns: first_result_ns.map(|ns| facts.prepared_ns + ns),
        checkpoints: facts
            .checkpoints
            .clone()
            .map(|made| account_checkpoint::with_pauses(made, &record)),
        version: SUMMARY_VERSION,
        app: facts.options.name.clone(),
        events_in: answers.events_in,
        events_out: answers.events_out,
        events_filtered: answers.events_filtered,
        events_expanded: answers.events_expanded,
        events_late: answers.events_late,
        events_dead_letter: answers.events_dead_letter,
        events_shed: 0,
        events_in_flight: answers.events_in_flight,
        balanced: answers.balanced(),
        elapsed_ns,
        throughput_events_per_s: answers.events_in as f64 * 1e9 / elapsed_ns.max(1) as f64,
        digest: answers
            .digest
            .map_or_else(String::new, |digest| format!("{digest:016x}")),
        order: facts.options.order.word().into(),
        held_ns: percentiles(&held(&record.figures)),
        latency_ns: percentiles(&latency),
        service_ns: percentiles(&service),
        hiccup_ns: percentiles(&record.hiccups),
        schedule: schedule(&record.figures, &answers),
        stages: account_balance::with_costs(stages(&record.figures), &record),
        tasks: account_balance::tasks(&record),
        balance: Some(account_balance::balance(&record, facts.options)),
        chronicle: account_chronicle::chronicle(&record),
        cores: cores(&record),
        allocation: Some(facts.allocation.clone()),
        partitions: partitions(&record),
        hot_keys: account_keys::hot_keys(&record.figures, facts.splittable),
        quality: measures(&record.figures),
        warnings: record.warnings.clone(),
        ..Summary::default()
    };
    summary.warnings.extend(summary.hot_key_warnings());
    summary.environment.clock_source = record.clock_source.into();
    summary.environment.seed = facts.options.seed;
    summary.environment.memory_peak_bytes = record.memory_peak_bytes;
    let notes = record
        .figures
        .iter()
        .flat_map(|task| task.notes.iter().cloned());
    summary.notes.extend(notes);
    if let Some(made) = &mut summary.checkpoints {
        made.late = record
            .figures
            .iter()
            .map(|task| task.checkpoints_late)
            .sum();
        summary.warnings.extend(made.warnings());
    }
    Report {
        summary,
        latency,
        service,
        hiccups: record.hiccups,
        intervals: with_rest(record.intervals, &record.figures),
    }
}

fn held(figures: &[Figures]) -> Histogram<u64> {
    let mut held = new_histogram();
    let tasks = figures.iter().filter_map(|task| task.held.as_ref());
    tasks.for_each(|times| merge(&mut held, times));
    held
}

fn end_histograms(record: &RunRecord) -> (Histogram<u64>, Histogram<u64>) {
    let (mut latency, mut service) = (new_histogram(), new_histogram());
    record
        .intervals
        .iter()
        .for_each(|interval| merge(&mut latency, &interval.latency));
    for task in &record.figures {
        if let Some(epoch) = &task.last_epoch {
            merge(&mut latency, &epoch.latency);
        }
        if let Some(times) = &task.service {
            merge(&mut service, times);
        }
    }
    (latency, service)
}

/// The timeline with what the sinks recorded behind the last barrier.
fn with_rest(mut intervals: Vec<Interval>, figures: &[Figures]) -> Vec<Interval> {
    let mut rest: Option<Interval> = None;
    for epoch in figures.iter().filter_map(|task| task.last_epoch.as_ref()) {
        let start_ns = epoch.start_ns.saturating_sub(START_NS);
        let end_ns = epoch.end_ns.saturating_sub(START_NS);
        let interval = rest.get_or_insert_with(|| Interval {
            start_ns,
            end_ns,
            events_out: 0,
            latency: new_histogram(),
            hiccup_ns_max: 0,
        });
        interval.start_ns = interval.start_ns.min(start_ns);
        interval.end_ns = interval.end_ns.max(end_ns);
        interval.events_out += epoch.latency.len();
        merge(&mut interval.latency, &epoch.latency);
    }
    intervals.extend(rest.filter(|interval| interval.events_out > 0));
    intervals
}

fn schedule(figures: &[Figures], answers: &Answers) -> Schedule {
    let Some(source) = figures.iter().find(|task| task.stage_index == 0) else {
        return Schedule::default();
    };
    let late = source
        .late_start
        .as_ref()
        .map(percentiles)
        .unwrap_or_default();
    let spent_ns = source
        .offered_range
        .map_or(0, |(first, last)| last.saturating_sub(first))
        .max(1) as f64;
    let reached = answers.events_in.saturating_sub(1) as f64 * 1e9 / spent_ns;
    let asked = source.asked_events_per_s;
    Schedule {
        pace: source.pace.clone(),
        asked_events_per_s: asked,
        reached_events_per_s: reached,
        late_start_ns_p99: late.p99,
        late_start_ns_max: late.max,
        kept: asked.is_none_or(|asked| reached >= asked * (1.0 - SCHEDULE_TOLERANCE)),
    }
}

fn stages(figures: &[Figures]) -> Vec<StageSummary> {
    let mut stages = BTreeMap::<usize, StageSummary>::new();
    let mut waits = BTreeMap::<usize, Histogram<u64>>::new();
    let mut largest = BTreeMap::<usize, u64>::new();
    let mut caches = BTreeMap::<usize, Vec<CacheFigures>>::new();
    for task in figures {
        let stage = stages
            .entry(task.stage_index)
            .or_insert_with(|| StageSummary {
                name: task.stage.clone(),
                partitioner: task.partitioner.clone(),
                ..StageSummary::default()
            });
        stage.partitions += 1;
        stage.events_in += task.events_in;
        stage.events_out += task.events_out;
        stage.keys += task.keys;
        stage.state_bytes += task.state_bytes;
        let most = largest.entry(task.stage_index).or_default();
        *most = (*most).max(task.events_in);
        account_cache::add(caches.entry(task.stage_index).or_default(), &task.caches);
        if let Some(queueing) = &task.queueing {
            merge(
                waits.entry(task.stage_index).or_insert_with(new_histogram),
                queueing,
            );
        }
    }
    for (index, stage) in &mut stages {
        let mean = stage.events_in as f64 / f64::from(stage.partitions.max(1));
        stage.skew = if mean > 0.0 {
            largest[index] as f64 / mean
        } else {
            1.0
        };
        stage.caches = account_cache::summaries(&caches[index]);
        stage.queueing_ns = waits.get(index).map(percentiles).unwrap_or_default();
    }
    stages.into_values().collect()
}

fn cores(record: &RunRecord) -> Vec<CoreSummary> {
    let tasks = |core| {
        record
            .tasks
            .iter()
            .filter(move |task| task.core == core)
            .map(|task| task.name.clone())
    };
    let summaries = record
        .cores
        .iter()
        .enumerate()
        .map(|(core, figures)| CoreSummary {
            core: core as u32,
            cpu: figures.cpu,
            tasks: tasks(core).collect(),
            busy_share: figures.busy_share,
        });
    summaries.collect()
}

fn partitions(record: &RunRecord) -> Vec<PartitionSummary> {
    let figures = &record.figures;
    let mut totals = BTreeMap::<usize, u64>::new();
    figures
        .iter()
        .for_each(|task| *totals.entry(task.stage_index).or_default() += task.events_in);
    let keyed = figures
        .iter()
        .zip(&record.tasks)
        .filter(|(task, _)| task.stage_index > 0);
    let summaries = keyed.map(|(task, seat)| PartitionSummary {
        stage: task.stage.clone(),
        partition: task.partition as u32,
        core: seat.core as u32,
        events_in: task.events_in,
        share: task.events_in as f64 / totals[&task.stage_index].max(1) as f64,
        keys: task.keys,
        caches: account_cache::summaries(&task.caches),
    });
    summaries.collect()
}

fn measures(figures: &[Figures]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for (name, value) in figures.iter().flat_map(|task| &task.measures) {
        *sums.entry(name.clone()).or_insert(0.0) += value;
    }
    sums
}
