//! The cold tier through its helper thread: pairs of one eviction and one fetch, uniformly chosen keys, a
//! file in the page cache. An element is one pair. Also prints the bytes of index a key, the write
//! amplification and what the core's half alone takes.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use millstream::partition::mum64;
use millstream::state::cold::{Cold, ColdOptions, ColdThread, Fetch, Reply, StateDir, cold_tier};
use millstream::sys::clock::Origin;
use millstream::sys::random::Random;
use std::hint::black_box;
use std::time::{Duration, Instant};

type Value = [u64; 6];
/// Keys drawn, prefetched and asked for together, as a step of a task does.
const BATCH: usize = 64;

/// Keys that are cold, and those that were fetched and are to be evicted again.
struct Work {
    cold: Cold<Value>,
    random: Random,
    keys: u64,
    back: Vec<(u64, Value)>,
    busy: Duration,
}

impl Work {
    fn new(cold: Cold<Value>, keys: u64) -> Self {
        let mut work = Work {
            cold,
            random: Random::new(1),
            keys,
            back: Vec::with_capacity(4096),
            busy: Duration::ZERO,
        };
        for key in 0..keys {
            while !work.cold.has_room() {
                work.cold.poll(0, |_| ()).expect("the file is sound");
            }
            work.cold.evict(mum64(key), key, 0, &[key; 6]);
        }
        work
    }

    /// One step: asks for a batch, takes what is back, evicts it again; how many pairs were closed.
    fn step(&mut self) -> usize {
        let start = Instant::now();
        let mut moved = false;
        if self.cold.pending() <= 512 {
            let keys: [u64; BATCH] = std::array::from_fn(|_| self.random.below(self.keys));
            for key in keys {
                self.cold.prefetch(mum64(key));
            }
            for key in keys {
                // A key drawn twice while it is away is Absent or would be asked for twice: the ticket holds
                // the key, and the draw is skipped where it is under way.
                if let Fetch::Here { value, .. } = self.fetch(key) {
                    self.back.push((key, value));
                }
            }
            moved = true;
        }
        let back = &mut self.back;
        let polled = self.cold.poll(0, |reply| {
            if let Reply::Found { ticket, value, .. } = reply {
                back.push((u64::from(ticket), value));
            }
        });
        moved |= polled.expect("the file is sound");
        let pairs = self.back.len().min(self.cold.rooms());
        for (key, value) in self.back.drain(..pairs) {
            debug_assert_eq!(value[0], key);
            self.cold.evict(mum64(key), key, 0, &value);
        }
        if moved {
            self.busy += start.elapsed();
        }
        pairs
    }

    fn fetch(&mut self, key: u64) -> Fetch<Value> {
        if self.cold.is_asked(mum64(key)) {
            return Fetch::Absent;
        }
        self.cold.fetch(mum64(key), key, key as u32, 0)
    }
}

fn pairs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cold");
    group.throughput(Throughput::Elements(1));
    group.sample_size(10);
    for keys in [1_000_000u64, 4_000_000] {
        let temporary = tempfile::tempdir().expect("a directory");
        let dir = StateDir::open(temporary.path()).expect("locked");
        let options = ColdOptions::default();
        let storage = dir.cold_file("bench", &options).expect("a file");
        let (cold, server) = cold_tier::<Value>(storage, options).expect("sizes fit");
        let thread = ColdThread::start(vec![Box::new(server)], Origin::start()).expect("a thread");
        let mut work = Work::new(cold, keys);
        let (mut total, mut before) = (0u64, work.cold.figures());
        work.busy = Duration::ZERO;
        group.bench_function(BenchmarkId::new("evict+fetch", keys), |bencher| {
            bencher.iter_custom(|pairs| {
                let start = Instant::now();
                let mut done = 0;
                while done < pairs {
                    done += black_box(work.step()) as u64;
                }
                total += done;
                start.elapsed()
            });
        });
        let figures = work.cold.figures();
        before.writes = figures.writes - before.writes;
        before.moved = figures.moved - before.moved;
        println!(
            "{keys} keys: core's half {:.0} ns a pair (steps that moved something), index {:.2} bytes a key, write \
             amplification {:.2}, file {:.2} x live",
            work.busy.as_nanos() as f64 / total as f64,
            figures.index_bytes as f64 / work.cold.len() as f64,
            before.writes as f64 / (before.writes - before.moved).max(1) as f64,
            figures.file_bytes as f64 / figures.live_bytes as f64
        );
        drop((work, thread));
    }
    group.finish();
}

criterion_group!(benches, pairs);
criterion_main!(benches);
