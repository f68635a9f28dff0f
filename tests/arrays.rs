//! What an operator keeps in arrays beside the states of its keys is there after a restart: as it was at the barrier,
//! in another number of partitions put together as the operator says, on other cores the same.

use millstream::app::recommend::{self, Click, Params};
use millstream::checkpoint::{Directory, Kind, Wanted};
use millstream::flow::{CheckpointOptions, Order, Restore};
use millstream::partition::Partitioning;
use millstream::prelude::*;
use millstream::sys::random::Random;
use millstream::sys::real_disk::RealDisk;
use std::path::Path;

const EVENTS: u64 = 60_000;
const VALUES: u64 = 900;

/// Counts how often each value came, whatever its key, and how many of its own key.
struct Histogram {
    counts: Array<u64>,
    latest: Array<[u64; 3]>,
}

impl Histogram {
    fn new() -> Self {
        Histogram {
            counts: Array::new(VALUES as usize).merged_by(|mine, theirs| *mine += theirs),
            latest: Array::new(VALUES as usize)
                .merged_by(|mine, theirs| *mine = (*mine).max(*theirs)),
        }
    }
}

impl Operator for Histogram {
    type In = (u64, u64);
    type State = u64;
    type Out = u64;

    fn process(
        &mut self,
        _: u64,
        &(number, value): &(u64, u64),
        seen: &mut u64,
        out: &mut impl Emit<u64>,
    ) -> Retain {
        *seen += 1;
        *self.counts.at_mut(value as usize) += 1;
        *self.latest.at_mut(value as usize) = [number, 0, value];
        out.emit(*seen);
        Retain::Keep
    }

    fn arrays(&mut self, show: &mut dyn FnMut(&mut dyn Captured)) {
        show(&mut self.counts);
        show(&mut self.latest);
    }

    fn measures(&self) -> Vec<(String, f64)> {
        let of = |value: u64| {
            let count = *self.counts.at(value as usize) as f64;
            [(format!("{value}"), count)]
        };
        (0..VALUES).flat_map(of).collect()
    }
}

fn events() -> Vec<(u64, u64)> {
    let mut random = Random::stream(1, "values");
    let value = |number| (number, random.below(VALUES));
    (0..EVENTS).map(value).collect()
}

fn checkpoints(dir: &Path, restore: Restore) -> CheckpointOptions {
    let mut checkpoint = CheckpointOptions::new(dir);
    checkpoint.interval_ns = 2_000_000;
    checkpoint.restore = restore;
    checkpoint
}

/// The counts by value after `until` events, over all runs.
fn counts(
    partitions: usize,
    until: u64,
    checkpoint: Option<CheckpointOptions>,
) -> Result<Vec<f64>, FlowError> {
    let options = Options {
        cores: 1,
        partitions,
        events_max: Some(until),
        checkpoint,
        ..Options::default()
    };
    let outcome = Flow::new(options)
        .source("values", Slice::new(events(), |event: &(u64, u64)| event.0))
        .partition_by(|event: &(u64, u64)| event.0 % 512)
        .keyed("histogram", |_| Histogram::new())
        .sink(|_| Collect::default())
        .run()?;
    let quality = &outcome.report.summary.quality;
    let count = |value: u64| quality[&value.to_string()];
    Ok((0..VALUES).map(count).collect())
}

#[test]
fn arrays_go_on_in_any_number_of_partitions() {
    let expected = counts(4, EVENTS, None).expect("it runs");
    assert_eq!(expected.iter().sum::<f64>(), EVENTS as f64);
    for partitions in [4, 2, 1, 7] {
        let scratch = tempfile::tempdir().expect("a directory");
        let dir = scratch.path().join("state");
        counts(4, 21_000, Some(checkpoints(&dir, Restore::None))).expect("it runs");
        for (until, partitions) in [(40_000, partitions), (EVENTS, 3)] {
            let restored = counts(partitions, until, Some(checkpoints(&dir, Restore::Latest)));
            let found = restored.expect("it goes on");
            assert_eq!(found.iter().sum::<f64>(), until as f64);
            assert!(
                until < EVENTS || found == expected,
                "{partitions} partitions"
            );
        }
        let found = Directory::open(RealDisk::plain(), &dir).expect("a directory");
        let (snapshot, _) = found.snapshot(Wanted::Latest).expect("whole");
        let parts = snapshot.shape.parts.iter();
        let arrays = parts.filter(|part| part.kind == Kind::Array).count();
        assert_eq!(
            arrays,
            2 * 3,
            "two in each of the three partitions there are now"
        );
    }
}

/// Another operator of the same name and state, without arrays.
struct Plain;

impl Operator for Plain {
    type In = (u64, u64);
    type State = u64;
    type Out = u64;

    fn process(&mut self, _: u64, _: &(u64, u64), _: &mut u64, _: &mut impl Emit<u64>) -> Retain {
        Retain::Keep
    }
}

#[test]
fn an_operator_that_keeps_other_arrays_is_refused() {
    let scratch = tempfile::tempdir().expect("a directory");
    let dir = scratch.path().join("state");
    counts(2, 5_000, Some(checkpoints(&dir, Restore::None))).expect("it runs");
    let options = Options {
        cores: 1,
        partitions: 2,
        checkpoint: Some(checkpoints(&dir, Restore::Latest)),
        ..Options::default()
    };
    let refused = Flow::new(options)
        .source("values", Slice::new(events(), |event: &(u64, u64)| event.0))
        .partition_by(|event: &(u64, u64)| event.0 % 512)
        .keyed("histogram", |_| Plain)
        .sink(|_| Collect::default())
        .run();
    let Err(refused) = refused else {
        panic!("it goes on without its arrays")
    };
    let said = refused.to_string();
    assert!(
        said.contains("histogram-array0") && said.contains("keeps 0 arrays"),
        "{said}"
    );
}

fn clicks() -> Vec<Click> {
    let mut random = Random::stream(2, "clicks");
    let mut draw = |below: u64| random.next_u64() % below;
    (0..12_000)
        .map(|at| {
            let most = 1 + draw(3_000);
            Click {
                user: draw(400),
                item: draw(most),
                ts_ns: at * 1_000_000_000,
                weight: 1.0,
            }
        })
        .collect()
}

/// Digest and quality of `recommend` after `until` clicks.
fn recommended(
    cores: usize,
    until: u64,
    checkpoint: Option<CheckpointOptions>,
) -> (String, Vec<(String, f64)>) {
    let options = Options {
        name: "recommend".into(),
        cores,
        partitions: 3,
        order: Order::Deterministic,
        events_max: Some(until),
        checkpoint,
        ..Options::default()
    };
    let outcome = recommend::run(
        options,
        Slice::new(clicks(), |click: &Click| click.ts_ns),
        Params::default(),
        Partitioning::default(),
        |_| Digest::default(),
        &mut |_| {},
    );
    let summary = outcome.expect("it runs").report.summary;
    (summary.digest, summary.quality.into_iter().collect())
}

/// Answers depend on the lists kept in arrays: `short_answers_are_widened…` in `recommend/answer.rs`.
#[test]
fn recommend_goes_on_with_the_lists_it_knew() {
    let expected = recommended(1, u64::MAX, None);
    for (stops, cores) in [([3_000, 7_777], 2), ([1, 11_999], 1)] {
        let scratch = tempfile::tempdir().expect("a directory");
        let dir = scratch.path().join("state");
        recommended(1, stops[0], Some(checkpoints(&dir, Restore::None)));
        recommended(cores, stops[1], Some(checkpoints(&dir, Restore::Latest)));
        let found = recommended(1, u64::MAX, Some(checkpoints(&dir, Restore::Latest)));
        assert_eq!(found, expected, "stopped after {stops:?}");
    }
}
