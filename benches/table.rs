//! The state table: finding the entry of a key among a million, and taking in a million new keys.
//!
//! A million entries are 64 MB and more, so nearly every cold key is a miss of all caches. The same keys are
//! looked up one by one, each miss waited for, and as the engine does it: a group's lines are asked for
//! first, so that their misses overlap.

use criterion::{BatchSize, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use millstream::partition::mum64;
use millstream::source::load::KeySampler;
use millstream::state::{Place, Prefaulter, Table, TableOptions, Way};
use std::time::Duration;

const KEYS: usize = 1_000_000;
const LOOKUPS: usize = 1_000_000;
/// Keys whose lines are asked for together.
const GROUP: usize = 32;

fn keys() -> Vec<u64> {
    let distribution = format!("zipf(0.99,{KEYS})").parse().expect("keys");
    let mut sampler = KeySampler::new(&distribution, 7).expect("a sampler");
    (0..LOOKUPS).map(|_| sampler.next_key()).collect()
}

/// A table with all keys in it, each counted 0 times.
fn filled() -> Table<u64> {
    let options = TableOptions {
        expected_keys: KEYS,
        ..TableOptions::default()
    };
    let mut table = Table::new(options, None).expect("a table");
    for key in 0..KEYS as u64 {
        *table.entry(mum64(key), key) = 0;
    }
    table
}

fn count_one_by_one(table: &mut Table<u64>, keys: &[u64]) {
    for key in keys {
        *table.entry(mum64(*key), *key) += 1;
    }
}

fn count_in_groups(table: &mut Table<u64>, keys: &[u64], way: Way) {
    for group in keys.chunks(GROUP) {
        table.settle();
        let mut places = [Place::default(); GROUP];
        for (place, key) in places.iter_mut().zip(group) {
            *place = table.prefetch(mum64(*key), way);
        }
        for (place, key) in places.iter_mut().zip(group) {
            *place = table.look(*place, *key, way);
        }
        for (place, key) in places.iter().zip(group) {
            *table.at(*place, *key) += 1;
        }
    }
}

fn entry(c: &mut Criterion) {
    let keys = keys();
    let mut group = c.benchmark_group("table, 1M keys, zipf(0.99)");
    group.throughput(Throughput::Elements(LOOKUPS as u64));
    group.sampling_mode(SamplingMode::Flat); // an iteration takes milliseconds
    type Count = fn(&mut Table<u64>, &[u64]);
    let one_by_one: Count = count_one_by_one;
    for (name, count) in [
        ("entry", one_by_one),
        ("entry, prefetched", |table, keys| {
            count_in_groups(table, keys, Way::Straight);
        }),
        ("entry, prefetched by controls", |table, keys| {
            count_in_groups(table, keys, Way::Crowded);
        }),
    ] {
        let (mut table, mut rounds) = (filled(), 0);
        group.bench_function(name, |b| {
            b.iter(|| {
                count(&mut table, &keys);
                rounds += 1;
            });
        });
        check_counts(&table, &keys, rounds);
    }
    group.finish();
}

/// Every key was counted once for each time it was looked up.
fn check_counts(table: &Table<u64>, keys: &[u64], rounds: u64) {
    let mut expected = vec![0; KEYS];
    for key in keys {
        expected[*key as usize] += rounds;
    }
    assert_eq!(table.len(), KEYS);
    for (key, count) in table.iter() {
        assert_eq!(*count, expected[key as usize], "lookups of key {key}");
    }
}

fn growth(c: &mut Criterion) {
    let prefaulter = Prefaulter::start().expect("a thread");
    let mut group = c.benchmark_group("table, growing");
    group.throughput(Throughput::Elements(KEYS as u64));
    group.sampling_mode(SamplingMode::Flat); // an iteration takes milliseconds
    group.bench_function("empty to 1M keys", |b| {
        b.iter_batched_ref(
            || Table::<u64>::new(TableOptions::default(), Some(&prefaulter)).expect("a table"),
            |table| {
                for key in 0..KEYS as u64 {
                    *table.entry(mum64(key), key) += key;
                }
                assert_eq!(table.len(), KEYS, "keys held after growth");
            },
            // A grown table takes 128 MiB: one at a time.
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(10);
    targets = entry, growth
}
criterion_main!(benches);
