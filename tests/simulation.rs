//! The tasks of a flow under random interleavings, ring sizes and budgets, against a sequential oracle.
//!
//! Every seed is one schedule. To replay one that failed:
//! `SEED=<seed> cargo test --test simulation -- --nocapture`

use millstream::app::aggregate::{Aggregate, Aggregated, Total};
use millstream::flow::{Flow, FlowError, Options};
use millstream::operator::{Emit, Operator, Retain};
use millstream::sink::{Collect, Digest, Digestible};
use millstream::source::Iter;
use millstream::source::trace::native::KeyedRecord;
use millstream::sys::random::Random;
use std::collections::HashMap;

const SEEDS: u64 = 1_200;

fn seeds() -> impl Iterator<Item = u64> {
    let one = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse::<u64>().ok());
    (0..SEEDS).filter(move |seed| one.is_none_or(|one| one == *seed))
}

fn readings(seed: u64) -> Vec<KeyedRecord> {
    let mut random = Random::stream(seed, "readings");
    let count = random.next_u64() % 800;
    let keys = 1 + random.next_u64() % 120;
    (0..count)
        .map(|ts_ns| KeyedRecord {
            key: random.next_u64() % keys,
            value: random.next_u64() as i64 >> 40,
            ts_ns,
        })
        .collect()
}

/// Partitions, ring sizes and cores drawn from the seed; rings of one slot among them.
fn options(seed: u64) -> Options {
    let mut random = Random::stream(seed, "options");
    Options {
        partitions: 1 + (random.next_u64() % 7) as usize,
        ring_slots: [1, 1, 2, 3, 7, 64, 1024][(random.next_u64() % 7) as usize],
        cores: 1 + (random.next_u64() % 3) as usize,
        interval_ns: 1 + random.next_u64() % 100_000,
        ..Options::default()
    }
}

#[test]
fn aggregate_gives_the_answers_of_a_sequential_run() -> Result<(), FlowError> {
    for seed in seeds() {
        let readings = readings(seed);
        let mut totals = HashMap::<u64, Total>::new();
        let mut expected = 0u64;
        for reading in &readings {
            let total = totals.entry(reading.key).or_default();
            total.add(reading.value, reading.ts_ns);
            expected = expected.wrapping_add(total.record(reading.key).digest());
        }
        let count = readings.len() as u64;
        let outcome = Flow::new(options(seed))
            .source("readings", Iter::new(readings.into_iter()))
            .partition_by(|reading: &KeyedRecord| reading.key)
            .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
            .sink(|_| Digest::default())
            .simulate(seed)?;
        assert_eq!(outcome.answers.digest, Some(expected), "seed {seed}");
        assert_eq!(outcome.answers.events_out, count, "seed {seed}");
        assert!(
            outcome.answers.balanced(),
            "seed {seed}: {:?}",
            outcome.answers
        );
    }
    Ok(())
}

/// Adds up what the first stage found, in buckets, and lets only every third through.
#[derive(Default)]
struct Buckets;

impl Operator for Buckets {
    type In = Aggregated;
    type State = u64;
    type Out = (u64, u64);

    fn process(
        &mut self,
        key: u64,
        event: &Aggregated,
        seen: &mut u64,
        out: &mut impl Emit<(u64, u64)>,
    ) -> Retain {
        *seen += event.count;
        if event.count.is_multiple_of(3) {
            out.emit((key, event.count));
        }
        if *seen > 5_000 {
            Retain::Remove
        } else {
            Retain::Keep
        }
    }

    fn end(
        &mut self,
        states: &mut dyn millstream::state::States<u64>,
        out: &mut impl Emit<(u64, u64)>,
    ) {
        states.for_each(&mut |key, seen| out.emit((key, *seen)));
    }
}

#[test]
fn two_exchanges_with_fused_steps_lose_and_repeat_nothing() -> Result<(), FlowError> {
    for seed in seeds() {
        let readings = readings(seed);
        // The oracle: the same steps in one loop. Within a bucket the sums do not depend on the order of
        // arrival as long as no bucket is removed, so removal is left to runs that stay below it.
        let mut totals = HashMap::<u64, Total>::new();
        let (mut filtered, mut doubled, mut thirds) = (0u64, 0u64, 0u64);
        let mut buckets = HashMap::<u64, u64>::new();
        for reading in &readings {
            if reading.value % 5 == 0 {
                filtered += 1;
                continue;
            }
            let copies = if reading.value % 2 == 0 { 2 } else { 1 };
            for _ in 0..copies {
                doubled += 1;
                let total = totals.entry(reading.key).or_default();
                total.add(reading.value, reading.ts_ns);
                *buckets.entry(reading.key % 7).or_default() += total.count;
                thirds += u64::from(total.count.is_multiple_of(3));
            }
        }
        if buckets.values().any(|seen| *seen > 5_000) {
            continue;
        }
        let offered = readings.len() as u64;
        let outcome = Flow::new(options(seed))
            .source("readings", Iter::new(readings.into_iter()))
            .filter(|reading: &KeyedRecord| reading.value % 5 != 0)
            .flat_map(|reading: KeyedRecord, push: &mut dyn FnMut(KeyedRecord)| {
                push(reading);
                if reading.value % 2 == 0 {
                    push(reading);
                }
            })
            .partition_by(|reading: &KeyedRecord| reading.key)
            .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
            .partition_by(|total: &Aggregated| total.key % 7)
            .keyed("buckets", |_| Buckets)
            .spread("spread")
            .map(|(bucket, count): (u64, u64)| (bucket, count))
            .sink(|_| Collect::<(u64, u64)>::default())
            .simulate(seed)?;
        let answers = &outcome.answers;
        assert_eq!(answers.events_in, offered, "seed {seed}");
        assert!(answers.balanced(), "seed {seed}: {answers:?}");
        let results: Vec<_> = outcome
            .sinks
            .into_iter()
            .flat_map(|sink| sink.results)
            .collect();
        assert_eq!(
            results.len() as u64,
            thirds + buckets.len() as u64,
            "seed {seed}"
        );
        assert!(
            filtered + doubled >= offered,
            "the oracle itself lost an event"
        );
        for (bucket, seen) in buckets {
            assert!(
                results.contains(&(bucket, seen)),
                "seed {seed}: bucket {bucket} is not {seen}"
            );
        }
    }
    Ok(())
}
