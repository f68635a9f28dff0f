//! Hot keys that are split give every result they give unsplit: event by event, at checkpoints, at the end.
//!
//! Simulated: every seed is one schedule. To replay one that failed:
//! `SEED=<seed> cargo test --test hot_keys -- --nocapture`

use millstream::app::aggregate::{Aggregate, Aggregated, Total};
use millstream::flow::{CheckpointOptions, Flow, FlowError, Options, Order, Restore, SplitHot};
use millstream::operator::Mergeable;
use millstream::sink::{Collect, Digest};
use millstream::source::Slice;
use millstream::source::trace::native::KeyedRecord;
use millstream::sys::random::Random;
use proptest::prelude::*;
use std::path::Path;

const HOT: u64 = 17;
/// Enough that the sample has its 1,024 events, and the key moves often after that.
const EVENTS: u64 = 30_000;
const SEEDS: u64 = 60;

/// Key 17 has `percent` of the events.
fn readings(seed: u64, events: u64, percent: u64) -> Vec<KeyedRecord> {
    let mut random = Random::stream(seed, "readings");
    let key = |random: &mut Random| match random.below(100) {
        draw if draw < percent => HOT,
        _ => random.below(400),
    };
    let reading = |ts_ns| KeyedRecord {
        key: key(&mut random),
        value: random.next_u64() as i64 >> 40,
        ts_ns,
    };
    (0..events).map(reading).collect()
}

fn options(split_hot: SplitHot) -> Options {
    Options {
        cores: 2,
        partitions: 5,
        pin: false,
        split_hot,
        ..Options::default()
    }
}

#[test]
fn simulated_results_are_those_of_an_unsplit_run() -> Result<(), FlowError> {
    let one = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse::<u64>().ok());
    let mut spread = 0;
    for seed in (0..SEEDS).filter(|seed| one.is_none_or(|one| one == *seed)) {
        let results = |split_hot| -> Result<(Vec<Vec<Aggregated>>, u64), FlowError> {
            let options = Options {
                ring_slots: [64, 256, 1024][(seed % 3) as usize],
                interval_ns: 1 + seed * 1_000,
                ..options(split_hot)
            };
            let readings = readings(seed, EVENTS, 30 + seed % 60);
            let outcome = Flow::new(options)
                .source("readings", Slice::new(readings, |r: &KeyedRecord| r.ts_ns))
                .partition_by(|reading: &KeyedRecord| reading.key)
                .keyed_mergeable("aggregate", |_| Aggregate::<KeyedRecord>::default())
                .sink(|_| Collect::default())
                .simulate(seed)?;
            assert!(outcome.answers.balanced(), "seed {seed}");
            let results = outcome.sinks.into_iter().map(|sink| sink.results);
            Ok((results.collect(), outcome.answers.events_out))
        };
        let (split, _) = results(SplitHot::On)?;
        let (whole, count) = results(SplitHot::Off)?;
        assert_eq!(count, EVENTS);
        let ways = |sinks: &[Vec<Aggregated>]| {
            let has = |sink: &&Vec<Aggregated>| sink.iter().any(|result| result.key == HOT);
            sinks.iter().filter(has).count()
        };
        assert_eq!(ways(&whole), 1, "seed {seed}");
        spread += usize::from(ways(&split) > 1);
        let sorted = |sinks: Vec<Vec<Aggregated>>| {
            let mut all: Vec<Aggregated> = sinks.into_iter().flatten().collect();
            all.sort_by_key(|result| (result.key, result.count));
            all
        };
        assert!(
            sorted(split) == sorted(whole),
            "seed {seed}: results differ"
        );
    }
    assert!(
        one.is_some() || spread as u64 > SEEDS / 2,
        "split in {spread} of {SEEDS} seeds"
    );
    Ok(())
}

/// Digest of all results so far and keys held, after `until` events of all runs.
fn run(
    split_hot: SplitHot,
    partitions: usize,
    until: u64,
    checkpoint: Option<CheckpointOptions>,
) -> Result<(String, u64, u64), FlowError> {
    let options = Options {
        partitions,
        events_max: Some(until),
        checkpoint,
        ring_slots: 256,
        ..options(split_hot)
    };
    let outcome = Flow::new(options)
        .source(
            "readings",
            Slice::new(readings(3, 400_000, 70), |r: &KeyedRecord| r.ts_ns),
        )
        .partition_by(|reading: &KeyedRecord| reading.key)
        .keyed_mergeable("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Digest::default())
        .run()?;
    let summary = outcome.report.summary;
    assert!(summary.balanced);
    let hot = &summary.hot_keys[0];
    let of_17 = hot.keys.iter().find(|key| key.key == HOT);
    Ok((
        summary.digest,
        summary.stages[1].keys,
        of_17.map_or(0, |key| key.events_split),
    ))
}

fn checkpoints(dir: &Path, restore: Restore) -> Option<CheckpointOptions> {
    let mut checkpoint = CheckpointOptions::new(dir);
    checkpoint.interval_ns = 1_000_000;
    checkpoint.restore = restore;
    Some(checkpoint)
}

#[test]
fn a_run_on_cores_has_the_same_digest_and_as_many_keys() -> Result<(), FlowError> {
    let (expected, keys, split) = run(SplitHot::Off, 5, 400_000, None)?;
    assert_eq!((keys, split), (400, 0));
    let (digest, keys, split) = run(SplitHot::On, 5, 400_000, None)?;
    assert_eq!((digest, keys), (expected, 400));
    assert!(
        split > 200_000,
        "{split} events of a key with 70 % were split"
    );
    Ok(())
}

#[test]
fn checkpoints_of_a_split_run_are_those_of_an_unsplit_one() -> Result<(), FlowError> {
    let (expected, ..) = run(SplitHot::Off, 5, 400_000, None)?;
    for (first, then) in [
        (SplitHot::On, SplitHot::Off),
        (SplitHot::Off, SplitHot::On),
        (SplitHot::On, SplitHot::On),
    ] {
        let scratch = tempfile::tempdir().expect("a directory");
        let dir = scratch.path().join("state");
        run(first, 5, 150_000, checkpoints(&dir, Restore::None))?;
        run(then, 3, 300_000, checkpoints(&dir, Restore::Latest))?;
        let (digest, keys, _) = run(first, 4, 400_000, checkpoints(&dir, Restore::Latest))?;
        assert_eq!(
            (&digest, keys),
            (&expected, 400),
            "{first:?}, then {then:?}"
        );
    }
    Ok(())
}

type Change = fn(&mut Options);

#[test]
fn what_cannot_be_split_is_refused_or_left_whole() {
    let asked = |change: Change, split_hot| {
        let mut options = options(split_hot);
        change(&mut options);
        let readings = readings(1, 5_000, 80);
        Flow::new(options)
            .source("readings", Slice::new(readings, |r: &KeyedRecord| r.ts_ns))
            .partition_by(|reading: &KeyedRecord| reading.key)
            .event_time(|reading: &KeyedRecord| reading.ts_ns)
            .keyed_mergeable("aggregate", |_| Aggregate::<KeyedRecord>::default())
            .sink(|_| Digest::default())
            .run()
    };
    let changes: [(Change, &str); 4] = [
        (
            |options| options.order = Order::Deterministic,
            "runtime.order",
        ),
        (|options| options.state_ttl_ns = 1_000_000, "state.ttl"),
        (
            |options| options.state_memory_bytes = 1 << 20,
            "state.memory",
        ),
        (|options| options.partitions = 1, "runtime.partitions"),
    ];
    let unmergeable = Flow::new(options(SplitHot::On))
        .source(
            "readings",
            Slice::new(readings(1, 10, 80), |r: &KeyedRecord| r.ts_ns),
        )
        .partition_by(|reading: &KeyedRecord| reading.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Digest::default())
        .run();
    let refused = unmergeable.map(|outcome| outcome.report.summary.events_in);
    let error = refused.expect_err("nothing can be split").to_string();
    assert!(
        error.contains("keyed_mergeable") && error.contains("hot keys of the flow \"flow\""),
        "{error}"
    );
    for (change, word) in changes {
        let refused = asked(change, SplitHot::On).map(|outcome| outcome.report.summary.events_in);
        let error = refused.expect_err(word).to_string();
        assert!(
            error.contains(word) && error.contains("aggregate"),
            "{error}"
        );
        let outcome = asked(change, SplitHot::Auto).expect("auto leaves it whole");
        let summary = outcome.report.summary;
        assert_eq!(summary.events_in, 5_000);
        assert_eq!(summary.hot_keys[0].splitting, "impossible", "{word}");
    }
    let whole = asked(|_| (), SplitHot::Off).expect("nothing is asked for");
    assert_eq!(whole.report.summary.hot_keys[0].splitting, "off");
}

proptest! {
    #[test]
    fn merging_is_folding(values in prop::collection::vec(any::<i64>(), 0..40), cut in 0usize..40) {
        let fold = |values: &[i64], from: u64| {
            let mut total = Total::default();
            for (value, ts_ns) in values.iter().zip(from..) {
                let reading = KeyedRecord { key: 1, value: *value, ts_ns };
                <Aggregate<KeyedRecord> as Mergeable>::fold(&reading, &mut total);
            }
            total
        };
        let cut = cut.min(values.len());
        let mut total = fold(&values[..cut], 0);
        <Aggregate<KeyedRecord> as Mergeable>::merge(&mut total, &fold(&values[cut..], cut as u64));
        prop_assert_eq!(total, fold(&values, 0));
    }
}
