//! Allocation: what a placement takes to find. Ten cores and a thousand tasks of unlike load, linked as two stages
//! are; and for dynamic programming the largest problems it does not refuse.
//!
//! To reach: greedy within 1 ms, dynamic programming within 1 s or refused, `auto` within about 1 ms.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use millstream::schedule::{AllocateError, Allocator, Link, TaskLoad, plan};
use millstream::sys::random::Random;
use std::hint::black_box;
use std::time::Duration;

const CORES: usize = 10;

/// A source and `tasks - 1` partitions of unlike load.
fn flow(tasks: usize) -> (Vec<TaskLoad>, Vec<Link>) {
    let mut random = Random::stream(7, "loads");
    let load = |_| TaskLoad {
        load_ns: 1e6 * random.exponential(),
    };
    let loads: Vec<TaskLoad> = (0..tasks).map(load).collect();
    let link = |to| Link {
        from: 0,
        to,
        events_per_s: 1e6 / tasks as f64,
    };
    (loads, (1..tasks).map(link).collect())
}

fn thousand_tasks(c: &mut Criterion) {
    let (tasks, links) = flow(1_000);
    let mut group = c.benchmark_group("allocate 1000 tasks to 10 cores");
    for allocator in [Allocator::Greedy, Allocator::Chains, Allocator::Best] {
        group.bench_function(allocator.word(), |b| {
            b.iter(|| plan(allocator, black_box(&tasks), &links, CORES, 1).expect("a placement"));
        });
    }
    group.bench_function("dp refuses", |b| {
        b.iter(|| {
            let refused = plan(Allocator::Dp, black_box(&tasks), &links, CORES, 1);
            assert!(matches!(refused, Err(AllocateError::TooManySteps { .. })));
        });
    });
    group.finish();
}

fn largest(c: &mut Criterion) {
    let mut group = c.benchmark_group("allocate by dp, the largest it does");
    group.sample_size(10);
    for (tasks, cores) in [(14, 10), (16, 4), (22, 2)] {
        let (loads, links) = flow(tasks);
        let name = BenchmarkId::new(format!("{cores} cores, unlike tasks"), tasks);
        group.bench_function(name, |b| {
            b.iter(|| plan(Allocator::Dp, black_box(&loads), &links, cores, 1).expect("fits"));
        });
    }
    // What the default meets when it starts: two stages of four partitions a core, alike.
    for cores in [2, 4, 16] {
        let width = 4 * cores;
        let mut loads = vec![TaskLoad { load_ns: 7e6 }];
        let load_ns = 13e6 / width as f64;
        loads.extend(vec![TaskLoad { load_ns }; 2 * width]);
        let name = BenchmarkId::new("auto, two stages, cores", cores);
        group.bench_function(name, |b| {
            b.iter(|| plan(Allocator::Best, black_box(&loads), &[], cores, 1).expect("fits"));
        });
    }
    for tasks in [10, 11, 12, 14, 17] {
        let (loads, links) = flow(tasks);
        let name = BenchmarkId::new("auto on 2 cores, unlike tasks", tasks);
        group.bench_function(name, |b| {
            b.iter(|| plan(Allocator::Best, black_box(&loads), &links, 2, 1).expect("fits"));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500))
        .sample_size(20);
    targets = thousand_tasks, largest
}
criterion_main!(benches);
