//! The ring: what a message costs from `Outlet::push` to `Inlet::take`, both ends on one thread.
//!
//! One thread, so that the figure is the ring's own work and not the walk of a cache line between cores.
//! With one message a flush every message pays for the commit, the poll and the hand-over; with many they
//! share it.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use millstream::event::{Due, Message};
use millstream::ring::{Inlet, Outlet, ring};
use std::hint::black_box;
use std::time::Duration;

/// A ring between two tasks of one core, as the engine makes it.
const RING_SLOTS: usize = 512;

/// Key, value and time, as in `aggregate`: with its due time half a cache line.
type Reading = [u64; 3];

/// Pushes `messages` numbered events, publishes them and takes them out; the sum of their numbers.
fn round(outlet: &mut Outlet<Reading>, inlet: &mut Inlet<Reading>, messages: u64) -> (usize, u64) {
    for number in 0..messages {
        outlet.push(Message::Event(Due::new(1 + number), [number, 7, 1]));
    }
    assert!(outlet.flush(), "the ring has room for a whole round");
    let mut sum = 0;
    let taken = inlet.take(RING_SLOTS, |slice| {
        for message in slice {
            if let Message::Event(_, [number, ..]) = message {
                sum += number;
            }
        }
        (slice.len(), true)
    });
    (taken, sum)
}

fn messages_a_flush(c: &mut Criterion) {
    let mut group = c.benchmark_group("ring");
    for messages in [1, 16, 64, 512] {
        let (mut outlet, mut inlet) = ring::<Reading>(RING_SLOTS);
        group.throughput(Throughput::Elements(messages));
        group.bench_function(BenchmarkId::new("messages a flush", messages), |b| {
            b.iter(|| {
                let answer = round(&mut outlet, &mut inlet, black_box(messages));
                let expected = (messages as usize, messages * (messages - 1) / 2);
                assert_eq!(answer, expected, "taken and their sum");
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(20);
    targets = messages_a_flush
}
criterion_main!(benches);
