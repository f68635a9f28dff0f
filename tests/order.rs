//! Deterministic order: flows whose answers depend on the order of events give the same answers under every
//! interleaving, ring size, budget, number of cores and memory for state.
//!
//! Every seed is one schedule. To replay one that failed:
//! `SEED=<seed> cargo test --test order -- --nocapture`

use millstream::app::recommend::{self, Click, Params};
use millstream::flow::{Flow, FlowError, Options, Order, StatePolicy};
use millstream::operator::{Emit, Operator, Retain};
use millstream::partition::Partitioning;
use millstream::sink::{Collect, Digest};
use millstream::source::trace::native::KeyedRecord;
use millstream::source::{Iter, Slice};
use millstream::state::States;
use millstream::sys::random::Random;
use std::collections::{BTreeMap, HashSet};

fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let one = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse::<u64>().ok());
    (0..count).filter(move |seed| one.is_none_or(|one| one == *seed))
}

/// Everything that may not matter, drawn from the seed; rings of one slot among it.
fn options(seed: u64, order: Order, partitions: usize) -> Options {
    let mut random = Random::stream(seed, "options");
    let mut draw = |below: u64| (random.next_u64() % below) as usize;
    Options {
        order,
        partitions,
        ring_slots: [1, 1, 2, 3, 7, 64, 1024][draw(7)],
        cores: 1 + draw(3),
        interval_ns: 1 + draw(100_000) as u64,
        state_memory_bytes: [0, 0, 1, 16 << 10, 1 << 20][draw(5)],
        state_policy: [StatePolicy::S3Fifo, StatePolicy::Clock][draw(2)],
        ..Options::default()
    }
}

fn clicks(seed: u64) -> Vec<Click> {
    let mut random = Random::stream(seed, "clicks");
    let mut draw = |below: u64| random.next_u64() % below;
    (0..400)
        .map(|at| {
            let most = 1 + draw(60);
            Click {
                user: draw(25),
                item: draw(most),
                ts_ns: at * 1_000_000_000,
                weight: 1.0,
            }
        })
        .collect()
}

fn recommend_digest(seed: u64, order: Order, partitions: usize, clicks: &[Click]) -> (u64, u64) {
    let outcome = recommend::simulate(
        options(seed, order, partitions),
        Slice::new(clicks.to_vec(), |click: &Click| click.ts_ns),
        Params::default(),
        Partitioning::default(),
        |_| Digest::default(),
        seed,
    )
    .unwrap_or_else(|error| panic!("seed {seed}, {partitions} partitions: {error}"));
    let answers = outcome.answers;
    assert!(answers.balanced(), "seed {seed}: {answers:?}");
    (
        answers.digest.expect("a digest"),
        outcome
            .caches
            .iter()
            .filter_map(|cache| cache.cold.as_ref())
            .map(|cold| cold.reads)
            .sum(),
    )
}

#[test]
fn recommend_gives_the_same_answers_whatever_the_schedule() {
    let mut reads = 0;
    for partitions in [1, 2, 3, 5] {
        let clicks = clicks(partitions as u64);
        let (expected, _) = recommend_digest(1 << 40, Order::Deterministic, partitions, &clicks);
        for seed in seeds(25) {
            let (digest, read) = recommend_digest(seed, Order::Deterministic, partitions, &clicks);
            assert_eq!(digest, expected, "seed {seed}, {partitions} partitions");
            reads += read;
        }
    }
    let all = std::env::var("SEED").is_err();
    assert!(
        !all || reads > 300,
        "too little came back from the cold tier: {reads} reads"
    );
}

/// The test above proves nothing if these answers do not depend on the order.
#[test]
fn by_arrival_they_differ() {
    let clicks = clicks(3);
    let digests: HashSet<u64> = (0..20)
        .map(|seed| recommend_digest(seed, Order::Arrival, 3, &clicks).0)
        .collect();
    assert!(digests.len() > 10, "{digests:?}");
}

/// Puts out what it takes in, with the number of its key's event.
struct Number;

impl Operator for Number {
    type In = KeyedRecord;
    type State = u64;
    type Out = (u64, u64);

    fn process(
        &mut self,
        _: u64,
        record: &KeyedRecord,
        count: &mut u64,
        out: &mut impl Emit<(u64, u64)>,
    ) -> Retain {
        *count += 1;
        out.emit((record.ts_ns, *count));
        Retain::Keep
    }
}

/// Puts out a number that depends on every event of its key so far and on their order; at a watermark and at
/// the end, that of every key.
struct Chain;

fn link(chain: u64, (ts_ns, count): (u64, u64)) -> u64 {
    (chain.rotate_left(5) ^ ts_ns)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(count)
}

impl Operator for Chain {
    type In = (u64, u64);
    type State = u64;
    type Out = (u64, u64);

    fn process(
        &mut self,
        key: u64,
        event: &(u64, u64),
        chain: &mut u64,
        out: &mut impl Emit<(u64, u64)>,
    ) -> Retain {
        *chain = link(*chain, *event);
        out.emit((key, *chain));
        Retain::Keep
    }

    fn watermark(
        &mut self,
        watermark_ns: u64,
        states: &mut dyn States<u64>,
        out: &mut impl Emit<(u64, u64)>,
    ) {
        out.emit((watermark_ns, 0));
        states.for_each(&mut |key, chain| out.emit((key, *chain)));
    }

    fn end(&mut self, states: &mut dyn States<u64>, out: &mut impl Emit<(u64, u64)>) {
        states.for_each(&mut |key, chain| out.emit((key, !*chain)));
    }
}

fn records(seed: u64) -> Vec<KeyedRecord> {
    let mut random = Random::stream(seed, "records");
    let count = random.next_u64() % 2_500;
    (1..=count)
        .map(|ts_ns| KeyedRecord {
            key: random.next_u64() % 40,
            value: (random.next_u64() % 7) as i64,
            ts_ns,
        })
        .collect()
}

#[test]
fn behind_an_exchange_the_order_is_that_of_the_source() -> Result<(), FlowError> {
    for seed in seeds(250) {
        let records = records(seed);
        // The oracle: one loop. Each event has one output, so no two share a place.
        let (mut counts, mut chains) = (BTreeMap::<u64, u64>::new(), [0u64; 3]);
        let mut expected = Vec::new();
        for record in &records {
            let count = counts.entry(record.key).or_default();
            *count += 1;
            let key = record.ts_ns % 3;
            let chain = &mut chains[key as usize];
            *chain = link(*chain, (record.ts_ns, *count));
            expected.push((key, *chain));
        }
        let options = options(seed, Order::Deterministic, 1 + (seed % 5) as usize);
        let outcome = Flow::new(options)
            .source("records", Iter::new(records.into_iter()))
            .partition_by(|record: &KeyedRecord| record.key)
            .keyed("number", |_| Number)
            .partition_by(|event: &(u64, u64)| event.0 % 3)
            .keyed("chain", |_| Chain)
            .sink(|_| Collect::<(u64, u64)>::default())
            .simulate(seed)?;
        let results = outcome.sinks.iter().flat_map(|sink| &sink.results);
        let found: HashSet<_> = results.copied().collect();
        for result in expected {
            assert!(
                found.contains(&result),
                "seed {seed}: {result:?} is missing"
            );
        }
    }
    Ok(())
}

/// Everything that may share a place or move: copies of an event on their way to several partitions, what
/// watermarks and the end put out, and two stages behind it all that depend on the order.
fn everything(seed: u64, partitions: usize, records: &[KeyedRecord]) -> Vec<Vec<(u64, u64)>> {
    let options = options(seed, Order::Deterministic, partitions);
    let records = Slice::new(records.to_vec(), |record: &KeyedRecord| record.ts_ns);
    let outcome = Flow::new(options)
        .source("records", records)
        .filter(|record: &KeyedRecord| record.value != 3)
        .flat_map(|record: KeyedRecord, push: &mut dyn FnMut(KeyedRecord)| {
            for copy in 0..record.value as u64 {
                let key = record.key + copy;
                push(KeyedRecord { key, ..record });
            }
        })
        .partition_by(|record: &KeyedRecord| record.key)
        .keyed("number", |_| Number)
        .partition_by(|event: &(u64, u64)| event.0 % 11)
        .keyed("chain", |_| Chain)
        .spread("spread")
        .flat_map(|event: (u64, u64), push: &mut dyn FnMut((u64, u64))| {
            push(event);
            if event.1.is_multiple_of(4) {
                push((event.0 + 1, event.1));
            }
        })
        .partition_by(|event: &(u64, u64)| event.0 % 4)
        .keyed("chain again", |_| Chain)
        .sink(|_| Collect::<(u64, u64)>::default())
        .simulate(seed)
        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    assert!(
        outcome.answers.balanced(),
        "seed {seed}: {:?}",
        outcome.answers
    );
    outcome.sinks.into_iter().map(|sink| sink.results).collect()
}

#[test]
fn ties_watermarks_and_the_end_have_their_place() {
    for case in 0..8u64 {
        let partitions = 1 + (case % 4) as usize;
        let records = records(case + 1_000);
        let expected = everything(1 << 40, partitions, &records);
        for seed in seeds(20) {
            let found = everything(seed, partitions, &records);
            assert!(
                found == expected,
                "case {case}, seed {seed}: the results differ"
            );
        }
    }
}
