//! The histogram: what a stamp costs, for one event and for a run of 64 that share a due time.
//!
//! Elements are calls: a run of 64 is to cost what one event does.
//!
//! The latencies are spread as a run's are: 200 ns and, more and more rarely, up to a thousand times that.
//! One and the same value over and over would stay in the first-level cache and flatter the figure.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use millstream::latency::{new_histogram, percentiles, record};
use millstream::sys::random::Random;
use std::time::Duration;

/// Values recorded in one iteration.
const VALUES: u64 = 4096;

/// Latencies, ns: 200, and a tail that falls with the square.
fn latencies_ns() -> Vec<u64> {
    let mut random = Random::stream(7, "latencies");
    let draws = std::iter::repeat_with(|| 200.0 / random.unit().max(1e-6).sqrt());
    draws.take(VALUES as usize).map(|ns| ns as u64).collect()
}

fn stamp(c: &mut Criterion) {
    let values_ns = latencies_ns();
    let mut sorted_ns = values_ns.clone();
    sorted_ns.sort_unstable();
    let median_ns = sorted_ns[(VALUES / 2 - 1) as usize];
    let mut group = c.benchmark_group("histogram");
    group.throughput(Throughput::Elements(VALUES));
    for (name, run) in [("record one", 1), ("record a run of 64", 64)] {
        let (mut histogram, mut recorded) = (new_histogram(), 0);
        group.bench_function(name, |b| {
            b.iter(|| {
                for value_ns in &values_ns {
                    record(&mut histogram, *value_ns, run);
                }
                recorded += VALUES * run;
            });
        });
        // A filter on the command line may have left this one out.
        if recorded > 0 {
            let told = percentiles(&histogram);
            assert_eq!(told.count, recorded, "{name}: values recorded");
            let p50_ns = told.p50.expect("thousands of values have a median");
            assert!(
                (median_ns..=median_ns + median_ns / 1000 + 1).contains(&p50_ns),
                "{name}: median {p50_ns} ns, expected {median_ns} ns to three digits"
            );
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(20);
    targets = stamp
}
criterion_main!(benches);
