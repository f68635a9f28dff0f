//! Hot keys: what finding them costs an event, and what folding a split key adds.
//!
//! `hash` is what a route does anyway. `sampled` is what the sample adds (its steady state, one event in 256 on
//! average); `sample` is the price of an event that is in it. `split` adds the splitter, with one key split that has the
//! share in the name, over lanes that never fill.

use bytemuck::Zeroable;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use millstream::app::aggregate::Total;
use millstream::partition::{
    Fold, Heat, SpaceSaving, Splitter, Warm, Ways, mum64, partition_of, side_lane,
};
use millstream::sys::random::Random;
use std::hint::black_box;

const EVENTS: usize = 1 << 16;
const PARTITIONS: u32 = 8;

/// Key 17 has `percent` of the events.
fn keys(percent: u64) -> Vec<u64> {
    let mut random = Random::stream(1, "keys");
    let key = |_| match random.below(100) {
        draw if draw < percent => 17,
        _ => random.below(1 << 20),
    };
    (0..EVENTS).map(key).collect()
}

#[derive(Clone)]
struct Totals;

impl Fold<u64, Total> for Totals {
    #[inline(always)]
    fn fold(event: &u64, total: &mut Total) {
        total.add(*event as i64, *event);
    }

    fn merge(total: &mut Total, later: &Total) {
        total.merge(later);
    }
}

/// Lanes on which nothing waits.
struct Free;

impl Ways for Free {
    fn waiting(&self, _: usize) -> usize {
        0
    }

    fn slots(&self) -> usize {
        4096
    }

    fn announce(&mut self, _: usize) {}
}

fn hot_keys(c: &mut Criterion) {
    let mut group = c.benchmark_group("hot_keys");
    group.throughput(Throughput::Elements(EVENTS as u64));
    let even = keys(0);
    let home = |hash: u64| partition_of(hash, PARTITIONS) as usize;
    group.bench_function("hash", |b| {
        b.iter(|| even.iter().map(|key| home(mum64(*key))).sum::<usize>());
    });
    let mut heat = Heat::new(1, 1);
    let mut published = 0;
    // Beyond the first samples, which are dense, each round of them is one step's worth of a lane.
    let mut step = |keys: &[u64]| {
        while let Some(at) = heat.due(0, published, keys.len()) {
            heat.take(0, published + at as u64, 0, (keys[at], mum64(keys[at])));
        }
        published += keys.len() as u64;
    };
    (0..64).for_each(|_| even.chunks(512).for_each(&mut step));
    group.bench_function("sampled, by step", |b| {
        b.iter(|| even.chunks(512).for_each(&mut step));
    });
    let mut sketch = SpaceSaving::new(128);
    group.bench_function("sample", |b| {
        b.iter(|| {
            even.iter()
                .for_each(|key| _ = black_box(sketch.add(*key, mum64(*key), 256)))
        });
    });
    for percent in [0, 60, 90] {
        let keys = keys(percent);
        let (outlets, mut inlets): (Vec<_>, Vec<_>) =
            (0..PARTITIONS).map(|_| side_lane::<Total>()).unzip();
        let mut splitter = Splitter::<Total>::new(outlets, 0.25, 1);
        let warm = Warm {
            share_min: 1.0,
            sampled: 1 << 20,
        };
        splitter.heed((17, mum64(17)), home(mum64(17)), warm, &mut Free);
        // Its partition answers.
        let _ = inlets[home(mum64(17))].take();
        inlets[home(mum64(17))].answer(17, Total::zeroed());
        group.bench_function(BenchmarkId::new("hash, split", percent), |b| {
            b.iter(|| {
                let lanes = keys.iter().map(|key| {
                    let hash = mum64(*key);
                    splitter.lane::<u64, Totals>((*key, hash), home(hash), key, &mut Free)
                });
                lanes.sum::<usize>()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, hot_keys);
criterion_main!(benches);
