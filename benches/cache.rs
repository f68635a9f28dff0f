//! Cache policies: a request of each, on real traces; and a cache of results, look-ups and all.
//!
//! The trace that ships is small; where `shared/data` lies beside this repository, the large one of the same
//! publisher is measured too. Nodes are numbered beforehand, as in the laboratory. Every pass must miss as
//! often as the first, and no policy less often than OPT; whether the misses are right is tested in
//! `tests/cache_reference.rs`.

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use millstream::cache::{
    Arc, Bounds, Cache, Clock, Fifo, Lfu, Lru, Policy, S3Fifo, Sieve, Unheard, Units, WTinyLfu,
    next_uses, opt_misses,
};
use millstream::partition::mum64;
use millstream::source::load::KeySampler;
use millstream::source::trace::{Format, TraceOptions, open};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// Requests of one measured pass, at the most.
const REQUESTS_MAX: usize = 2_000_000;

/// Requests by node, and the hash of each node.
struct Numbered {
    nodes: Vec<u32>,
    hashes: Vec<u64>,
}

fn numbered(path: &Path) -> Option<Numbered> {
    let options = TraceOptions {
        format: Format::U32Be,
        ..TraceOptions::default()
    };
    let mut trace = open(path, &options).ok()?;
    let (mut block, mut known) = (Vec::new(), HashMap::new());
    let (mut nodes, mut hashes) = (Vec::new(), Vec::new());
    while nodes.len() < REQUESTS_MAX && trace.next_block(&mut block).expect("a trace") {
        for record in &block {
            nodes.push(*known.entry(record.key).or_insert_with(|| {
                hashes.push(mum64(record.key));
                hashes.len() as u32 - 1
            }));
        }
    }
    Some(Numbered { nodes, hashes })
}

fn misses<P: Policy>(trace: &Numbered, capacity: u64) -> u64 {
    let nodes = trace.hashes.len() as u32;
    let mut policy = P::new(Bounds { capacity, nodes });
    let mut misses = 0;
    for node in &trace.nodes {
        let hash = trace.hashes[*node as usize];
        misses += u64::from(!policy.request(*node, hash, &Units, &mut Unheard));
    }
    misses
}

type Run = fn(&Numbered, u64) -> u64;

const POLICIES: [(&str, Run); 10] = [
    (Fifo::NAME, misses::<Fifo>),
    (Lru::NAME, misses::<Lru>),
    (<Clock>::NAME, misses::<Clock>),
    (Clock::<3>::NAME, misses::<Clock<3>>),
    (Sieve::NAME, misses::<Sieve>),
    (Lfu::NAME, misses::<Lfu>),
    (<S3Fifo>::NAME, misses::<S3Fifo>),
    (Arc::NAME, misses::<Arc>),
    (WTinyLfu::NAME, misses::<WTinyLfu>),
    ("opt, with its next uses", |trace, capacity| {
        let next = next_uses(&trace.nodes, trace.hashes.len() as u32);
        opt_misses(&trace.nodes, &next, capacity, &Units)
    }),
];

fn policies(c: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, path) in [
        ("web07", "tests/data/cache2k/web07.trace.xz"),
        ("orm-busy", "../shared/data/cache2k/orm-busy.trace.xz"),
    ] {
        let Some(trace) = numbered(&root.join(path)) else {
            println!("skipped: no {path}");
            continue;
        };
        for percent in [1, 5, 25] {
            let capacity = trace.hashes.len() as u64 * percent / 100;
            let least = POLICIES[9].1(&trace, capacity);
            let mut group = c.benchmark_group(format!("cache, {name}, {percent} %"));
            group.throughput(Throughput::Elements(trace.nodes.len() as u64));
            group.sampling_mode(SamplingMode::Flat); // an iteration takes milliseconds
            for (policy, run) in POLICIES {
                let expected = run(&trace, capacity);
                assert!(expected >= least, "{policy} misses less than OPT");
                group.bench_function(policy, |b| {
                    b.iter(|| assert_eq!(run(&trace, capacity), expected, "{policy}"));
                });
            }
            group.finish();
        }
    }
}

/// Entries of a cache of results, and the keys that are asked for.
const ENTRIES: usize = 100_000;
const KEYS: &str = "zipf(0.99,1000000)";

/// Computes what is not there; hits.
fn look_up<P: Policy>(cache: &mut Cache<u64, P>, keys: &[u64]) -> u64 {
    let before = cache.counts().hits;
    for key in keys {
        match cache.get(*key) {
            Some(value) => assert_eq!(*value, !key, "the value of {key}"),
            None => cache.insert(*key, !key),
        }
    }
    cache.counts().hits - before
}

fn results(c: &mut Criterion) {
    let distribution = KEYS.parse().expect("keys");
    let mut sampler = KeySampler::new(&distribution, 7).expect("a sampler");
    let keys: Vec<u64> = (0..1_000_000).map(|_| sampler.next_key()).collect();
    let mut group = c.benchmark_group(format!("cache of {ENTRIES} results, {KEYS}"));
    group.throughput(Throughput::Elements(keys.len() as u64));
    group.sampling_mode(SamplingMode::Flat); // an iteration takes milliseconds
    fn measure<P: Policy>(group: &mut BenchmarkGroup<WallTime>, keys: &[u64]) {
        let mut cache: Cache<u64, P> = Cache::new(ENTRIES);
        look_up(&mut cache, keys);
        let hits = look_up(&mut cache, keys);
        println!(
            "{}: {:.1} % hits",
            P::NAME,
            hits as f64 / keys.len() as f64 * 100.0
        );
        group.bench_function(P::NAME, |b| b.iter(|| look_up(&mut cache, keys)));
        assert_eq!(cache.len(), ENTRIES);
    }
    measure::<Lru>(&mut group, &keys);
    measure::<Clock>(&mut group, &keys);
    measure::<Sieve>(&mut group, &keys);
    measure::<S3Fifo>(&mut group, &keys);
    measure::<WTinyLfu>(&mut group, &keys);
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(200))
        .sample_size(10);
    targets = policies, results
}
criterion_main!(benches);
