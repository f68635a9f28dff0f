//! A whole flow: `aggregate` over a million events in memory, on one core, flat out.
//!
//! The time is the run's own, from the first event to the last result; starting threads and calibrating the
//! clock, some 5 ms a run, are left out, since a run lasts as long as its stream. Every run must arrive at
//! the digest of a plain loop over a `HashMap`.

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use millstream::app::aggregate::{Aggregate, Total};
use millstream::failure::Policy;
use millstream::flow::{FailureOptions, Flow, Options};
use millstream::sink::{Digest, Digestible};
use millstream::source::Slice;
use millstream::source::load::{KeySampler, Load, Schedule, ValuePattern};
use millstream::source::trace::native::KeyedRecord;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const EVENTS: usize = 1_000_000;
const KEYS: usize = 1_000_000;

/// Events that many runs share.
#[derive(Clone)]
struct Shared(Arc<Vec<KeyedRecord>>);

impl AsRef<[KeyedRecord]> for Shared {
    fn as_ref(&self) -> &[KeyedRecord] {
        &self.0
    }
}

fn events() -> Shared {
    let distribution = format!("zipf(0.99,{KEYS})").parse().expect("keys");
    let keys = KeySampler::new(&distribution, 7).expect("a sampler");
    let mut load = Load::new(keys, ValuePattern::default(), Schedule::at_once(), 7);
    let events = (0..EVENTS).map(|_| KeyedRecord::from(load.next_event().1));
    Shared(Arc::new(events.collect()))
}

/// The digest of all results, by a plain loop.
fn expected_digest(events: &Shared) -> u64 {
    let mut totals = HashMap::<u64, Total>::new();
    let results = events.as_ref().iter().map(|event| {
        let total = totals.entry(event.key).or_default();
        total.add(event.value, event.ts_ns);
        total.record(event.key).digest()
    });
    results.fold(0, u64::wrapping_add)
}

/// One run; its time and digest.
fn run(events: &Shared, expected_keys: usize, policy: Option<Policy>) -> (Duration, String) {
    let options = Options {
        cores: 1,
        expected_keys,
        failure: FailureOptions {
            policy,
            ..FailureOptions::default()
        },
        ..Options::default()
    };
    let summary = Flow::new(options)
        .source(
            "events",
            Slice::new(events.clone(), |event: &KeyedRecord| event.ts_ns),
        )
        .partition_by(|event: &KeyedRecord| event.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Digest::default())
        .run()
        .expect("the run")
        .report
        .summary;
    assert!(summary.balanced, "every event is accounted for");
    (Duration::from_nanos(summary.elapsed_ns), summary.digest)
}

fn aggregate(c: &mut Criterion) {
    let events = events();
    let expected = format!("{:016x}", expected_digest(&events));
    let mut group = c.benchmark_group("flow, aggregate, one core");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.sampling_mode(SamplingMode::Flat); // an iteration takes milliseconds
    let guarded = Some(Policy::skip());
    for (name, expected_keys, policy) in [
        ("growing from empty", 0, None),
        ("presized", KEYS, None),
        ("presized, in a recovery block", KEYS, guarded),
    ] {
        group.bench_function(name, |b| {
            b.iter_custom(|runs| {
                let timed = (0..runs).map(|_| {
                    let (elapsed, digest) = run(&events, expected_keys, policy);
                    assert_eq!(digest, expected, "the digest of a plain loop");
                    elapsed
                });
                timed.sum()
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .sample_size(10);
    targets = aggregate
}
criterion_main!(benches);
