//! State larger than its memory: the answers are those of unbounded state, whatever the memory, the policy,
//! the interleaving and the time to live.
//!
//! Every seed is one schedule. To replay one that failed:
//! `SEED=<seed> cargo test --test bounded -- --nocapture`

use millstream::app::aggregate::{Aggregate, Aggregated, Total};
use millstream::app::recommend::{self, Click, Params};
use millstream::bytemuck::Zeroable;
use millstream::flow::{Flow, FlowError, Options, StatePolicy};
use millstream::operator::{Emit, Operator, Retain};
use millstream::partition::Partitioning;
use millstream::sink::{Collect, Digest, Digestible};
use millstream::source::Iter;
use millstream::source::trace::native::KeyedRecord;
use millstream::state::States;
use millstream::sys::random::Random;
use std::collections::HashMap;

fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let one = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse::<u64>().ok());
    (0..count).filter(move |seed| one.is_none_or(|one| one == *seed))
}

/// Readings of a few hundred keys, most of them of a few; time passes in steps of very different lengths.
fn readings(seed: u64) -> Vec<KeyedRecord> {
    let mut random = Random::stream(seed, "readings");
    let count = random.next_u64() % 6_000;
    let keys = 1 + random.next_u64() % 1_500;
    let mut ts_ns = 1;
    let readings = (0..count).map(|_| {
        ts_ns += random.next_u64() % (1 << (random.next_u64() % 16));
        let most = 1 + random.next_u64() % keys;
        KeyedRecord {
            key: random.next_u64() % most,
            value: random.next_u64() as i64 >> 40,
            ts_ns,
        }
    });
    readings.collect()
}

/// Partitions, ring sizes, cores and the bound drawn from the seed; a single set a partition among them.
fn options(seed: u64) -> Options {
    let mut random = Random::stream(seed, "options");
    Options {
        partitions: 1 + (random.next_u64() % 4) as usize,
        ring_slots: [1, 2, 3, 7, 64, 1024][(random.next_u64() % 6) as usize],
        cores: 1 + (random.next_u64() % 3) as usize,
        interval_ns: 1 + random.next_u64() % 100_000,
        state_memory_bytes: [1, 4 << 10, 16 << 10, 100 << 10][(random.next_u64() % 4) as usize],
        state_policy: [StatePolicy::S3Fifo, StatePolicy::Clock][(random.next_u64() % 2) as usize],
        ..Options::default()
    }
}

#[test]
fn aggregate_gives_the_answers_of_a_sequential_run_at_any_memory() -> Result<(), FlowError> {
    let (mut reads, mut hits, mut waiting_max) = (0, 0, 0);
    for seed in seeds(400) {
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
        assert!(outcome.answers.balanced(), "seed {seed}");
        for cache in &outcome.caches {
            let cold = cache.cold.as_ref().expect("state is bounded");
            (reads, hits) = (reads + cold.reads, hits + cache.hits);
            waiting_max = cold.waiting_max.max(waiting_max);
        }
        let references: u64 = outcome
            .caches
            .iter()
            .map(|cache| cache.hits + cache.misses)
            .sum();
        assert_eq!(references, count, "seed {seed}");
    }
    assert!(
        std::env::var("SEED").is_ok() || (reads > 10_000 && hits > 10_000 && waiting_max > 20),
        "too little came back from the cold tier: {reads} reads, {hits} hits, {waiting_max} waited"
    );
    Ok(())
}

/// Sums by key; forgets a key when its sum ends in 7, forgets old keys at every watermark, and tells at
/// the end what is left.
struct Forgetful {
    /// A multiple of it is forgotten at a watermark.
    every: u64,
}

impl Operator for Forgetful {
    type In = KeyedRecord;
    type State = [u64; 2];
    type Out = (u64, u64);

    fn process(
        &mut self,
        key: u64,
        reading: &KeyedRecord,
        sum: &mut [u64; 2],
        out: &mut impl Emit<(u64, u64)>,
    ) -> Retain {
        sum[0] += reading.ts_ns % 10;
        sum[1] = reading.ts_ns;
        out.emit((key, sum[0]));
        if sum[0] % 10 == 7 {
            Retain::Remove
        } else {
            Retain::Keep
        }
    }

    fn watermark(
        &mut self,
        _: u64,
        states: &mut dyn States<[u64; 2]>,
        _: &mut impl Emit<(u64, u64)>,
    ) {
        if self.every > 0 {
            let before = states.len();
            let mut seen = 0;
            states.for_each(&mut |_, sum| {
                seen += 1;
                assert_ne!(sum[1], 0, "a state that no event has touched");
            });
            assert_eq!(before, seen);
        }
    }

    fn end(&mut self, states: &mut dyn States<[u64; 2]>, out: &mut impl Emit<(u64, u64)>) {
        states.retain(&mut |key, sum| {
            out.emit((key, sum[0] + 1_000_000));
            key % 3 == 0
        });
        states.for_each(&mut |key, sum| out.emit((key, sum[0] + 2_000_000)));
    }
}

#[test]
fn keys_that_are_removed_start_anew_and_the_rest_is_whole_at_the_end() -> Result<(), FlowError> {
    for seed in seeds(300) {
        let readings = readings(seed);
        let mut sums = HashMap::<u64, u64>::new();
        let mut expected = Vec::new();
        for reading in &readings {
            let sum = sums.entry(reading.key).or_default();
            *sum += reading.ts_ns % 10;
            expected.push((reading.key, *sum));
            if *sum % 10 == 7 {
                sums.remove(&reading.key);
            }
        }
        expected.extend(sums.iter().map(|(key, sum)| (*key, *sum + 1_000_000)));
        let kept = sums.iter().filter(|(key, _)| **key % 3 == 0);
        expected.extend(kept.map(|(key, sum)| (*key, *sum + 2_000_000)));
        let outcome = Flow::new(options(seed))
            .source("readings", Iter::new(readings.into_iter()))
            .partition_by(|reading: &KeyedRecord| reading.key)
            .keyed("forgetful", |_| Forgetful { every: seed % 2 })
            .sink(|_| Collect::<(u64, u64)>::default())
            .simulate(seed)?;
        let mut found: Vec<_> = outcome
            .sinks
            .into_iter()
            .flat_map(|sink| sink.results)
            .collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "seed {seed}");
    }
    Ok(())
}

/// A key that was quiet for longer starts anew, be the pause a nanosecond or ten years too long.
#[test]
fn a_key_lives_as_long_as_it_is_told_wherever_its_state_lies() -> Result<(), FlowError> {
    let mut limited = 0;
    for seed in seeds(300) {
        let mut readings = readings(seed);
        let mut random = Random::stream(seed, "ttl");
        let years_from = readings.len() / 2;
        for reading in &mut readings[years_from..] {
            reading.ts_ns += (seed % 3) * 315_576_000_000_000_000;
        }
        let ttl_ns = 1 + random.next_u64() % (1 << (random.next_u64() % 22));
        let mut last = HashMap::<u64, u64>::new();
        let mut totals = HashMap::<u64, Total>::new();
        let (mut expected, mut expired) = (0u64, 0);
        for reading in &readings {
            let before = last.insert(reading.key, reading.ts_ns);
            let pause_ns = reading.ts_ns - before.unwrap_or(reading.ts_ns);
            let total = totals.entry(reading.key).or_default();
            if pause_ns > ttl_ns {
                *total = Total::zeroed();
                expired += 1;
            }
            total.add(reading.value, reading.ts_ns);
            expected = expected.wrapping_add(total.record(reading.key).digest());
        }
        limited += u64::from(expired > 0);
        let drawn = options(seed);
        for state_memory_bytes in [0, drawn.state_memory_bytes] {
            let options = Options {
                state_memory_bytes,
                state_ttl_ns: ttl_ns,
                ..drawn.clone()
            };
            let outcome = Flow::new(options)
                .source("readings", Iter::new(readings.clone().into_iter()))
                .partition_by(|reading: &KeyedRecord| reading.key)
                .event_time(|reading: &KeyedRecord| reading.ts_ns)
                .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
                .sink(|_| Digest::default())
                .simulate(seed)?;
            assert_eq!(
                outcome.answers.digest,
                Some(expected),
                "seed {seed}, {state_memory_bytes} bytes"
            );
        }
    }
    assert!(
        limited > 20 || std::env::var("SEED").is_ok(),
        "only {limited} seeds in which a key was over"
    );
    Ok(())
}

#[test]
fn a_time_to_live_without_event_time_is_refused() {
    let options = Options {
        state_ttl_ns: 1_000,
        ..Options::default()
    };
    let refused = Flow::new(options)
        .source("readings", Iter::new(Vec::<KeyedRecord>::new().into_iter()))
        .partition_by(|reading: &KeyedRecord| reading.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Collect::<Aggregated>::default())
        .simulate(1);
    let message = refused.err().map(|error| error.to_string());
    assert!(
        message
            .as_ref()
            .is_some_and(|text| text.contains("stage aggregate") && text.contains(".event_time")),
        "{message:?}"
    );
}

/// Clicks of a few hundred users on a few hundred items.
fn clicks(seed: u64) -> Vec<Click> {
    let mut random = Random::stream(seed, "clicks");
    let clicks = (0..1_500u64).map(|number| Click {
        user: random.next_u64() % 300,
        item: random.next_u64() % (1 + random.next_u64() % 400),
        ts_ns: number * 1_000_000_000,
        weight: 1.0,
    });
    clicks.collect()
}

/// Its answers depend on the order of arrival, so that order is fixed: state is there as soon as it is
/// asked for, and the seed decides the rest.
#[test]
fn recommend_gives_the_same_answers_in_the_same_order_at_any_memory() -> Result<(), FlowError> {
    for seed in seeds(12) {
        let digest = |state_memory_bytes| {
            let options = Options {
                state_memory_bytes,
                ..options(seed)
            };
            let (params, partitioning) = (Params::default(), Partitioning::default());
            let source = Iter::new(clicks(seed).into_iter());
            recommend::simulate(
                options,
                source,
                params,
                partitioning,
                |_| Digest::default(),
                seed,
            )
            .map(|outcome| outcome.answers)
        };
        let unbounded = digest(0)?;
        // About 1 %, 10 % and all of what 300 users and 400 items take, and a single set.
        for bytes in [1, 8 << 10, 80 << 10, 8 << 20] {
            assert_eq!(digest(bytes)?, unbounded, "seed {seed}, {bytes} bytes");
        }
    }
    Ok(())
}
