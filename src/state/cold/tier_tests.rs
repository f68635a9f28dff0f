//! The whole tier against a `HashMap`, in random orders, with small frames so that compaction and reuse
//! never rest.

use super::*;
use crate::partition::mum64;
use crate::sys::clock::Clock;
use crate::sys::random::Random;
use crate::task::{Context, Progress, Task};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// A value whose size is no multiple of eight.
pub(super) type Value = [u8; 13];

pub(super) fn value(key: u64, version: u32) -> Value {
    let mut value = [0; 13];
    value[..8].copy_from_slice(&key.to_le_bytes());
    value[8..12].copy_from_slice(&version.to_le_bytes());
    value
}

pub(super) fn small(frame_records: usize, reads_max: usize) -> ColdOptions {
    ColdOptions {
        frame_bytes: 40 * frame_records,
        segment_bytes: 40 * frame_records * 4,
        grow_bytes: 40 * frame_records as u64 * 4 * 8,
        reads_max,
        partition: 0,
    }
}

pub(super) fn context() -> Context {
    Context {
        clock: Clock::Virtual(Rc::new(Cell::new(0))),
        now_ns: 0,
        budget: 64,
        stopping: false,
        marker_due: None,
        checkpoint: Default::default(),
    }
}

/// Both halves, the hot entries, and the keys on their way between.
struct World {
    cold: Cold<Value>,
    server: ColdServer<Value>,
    cx: Context,
    /// What a fetch must find, and the stamp.
    model: HashMap<u64, (u32, u64)>,
    asked: HashMap<u32, u64>,
    awaited: HashSet<u64>,
    tickets: u32,
    versions: u32,
    horizon: u64,
}

impl World {
    fn new(options: ColdOptions) -> Self {
        let (cold, server) = cold_tier(MemoryStorage::new("memory"), options).expect("sizes fit");
        World {
            cold,
            server,
            cx: context(),
            model: HashMap::new(),
            asked: HashMap::new(),
            awaited: HashSet::new(),
            tickets: 0,
            versions: 0,
            horizon: 0,
        }
    }

    /// The key is back, or was found to be away.
    fn back(&mut self, key: u64, found: Option<(u64, Value)>) {
        match found {
            Some((stamp, found)) => {
                let (version, expected) =
                    self.model.remove(&key).expect("what comes back was cold");
                assert_eq!((found, stamp), (value(key, version), expected), "key {key}");
            }
            None => {
                let gone = self.model.remove(&key);
                let expired = gone.is_none_or(|(_, stamp)| stamp < self.horizon);
                assert!(expired, "key {key} is lost: {gone:?}");
            }
        }
    }

    fn evict(&mut self, key: u64, stamp: u64) {
        if self.awaited.contains(&key) || self.model.contains_key(&key) || !self.cold.has_room() {
            return;
        }
        self.versions += 1;
        let value = value(key, self.versions);
        self.cold.evict(mum64(key), key, stamp, &value);
        self.model.insert(key, (self.versions, stamp));
    }

    fn fetch(&mut self, key: u64) {
        if self.awaited.contains(&key) {
            return;
        }
        self.tickets += 1;
        match self.cold.fetch(mum64(key), key, self.tickets, 0) {
            Fetch::Absent => self.back(key, None),
            Fetch::Here { stamp, value } => self.back(key, Some((stamp, value))),
            Fetch::Asked => {
                self.asked.insert(self.tickets, key);
                self.awaited.insert(key);
            }
            Fetch::Full => assert!(self.cold.pending() > 0),
        }
    }

    fn remove(&mut self, key: u64) {
        if self.awaited.contains(&key) {
            return;
        }
        if self.cold.remove(mum64(key), key, 0) != Remove::Full {
            self.model.remove(&key);
        }
    }

    fn poll(&mut self) -> bool {
        let mut replies = Vec::new();
        let moved = self
            .cold
            .poll(0, |reply| replies.push(reply))
            .expect("nothing fails");
        for reply in replies {
            let (ticket, found) = match reply {
                Reply::Found {
                    ticket,
                    stamp,
                    value,
                } => (ticket, Some((stamp, value))),
                Reply::Absent { ticket } => (ticket, None),
            };
            let key = self
                .asked
                .remove(&ticket)
                .expect("a ticket comes back once");
            self.awaited.remove(&key);
            self.back(key, found);
        }
        moved
    }

    fn serve(&mut self) -> bool {
        self.cold.publish();
        self.server.step(&mut self.cx).expect("nothing fails") == Progress::Worked
    }

    fn rest(&mut self) {
        while self.serve() | self.poll() {}
        assert_eq!(self.cold.pending(), 0);
        assert!(self.asked.is_empty());
    }

    /// What is cold is what the model says, short of what has expired.
    fn compare(&mut self) {
        let mut seen = HashMap::new();
        let visit = &mut |key: u64, stamp: u64, found: &Value| {
            assert!(
                seen.insert(key, (*found, stamp)).is_none(),
                "key {key} comes once"
            );
        };
        self.cold.for_each(visit).expect("nothing fails");
        for (key, (version, stamp)) in &self.model {
            match seen.remove(key) {
                Some(found) => assert_eq!(found, (value(*key, *version), *stamp)),
                None => assert!(*stamp < self.horizon, "key {key} is lost"),
            }
        }
        assert!(seen.is_empty(), "not cold: {seen:?}");
    }
}

fn run(seed: u64, frame_records: usize, reads_max: usize, keys: &[u64], steps: usize) -> World {
    let mut random = Random::new(seed);
    let mut world = World::new(small(frame_records, reads_max));
    let pace = 1 + random.below(8);
    let expires = random.below(3) == 0;
    for step in 0..steps {
        let key = keys[random.below(keys.len() as u64) as usize];
        match random.below(20 + pace) {
            0..=7 => world.evict(key, step as u64),
            8..=13 => world.fetch(key),
            14 => world.remove(key),
            15..=16 => drop(world.poll()),
            17 if random.below(10) == 0 => world.cold.flush(),
            18 if random.below(40) == 0 => world.compare(),
            19 if expires && random.below(10) == 0 => {
                world.horizon = world.horizon.max((step as u64).saturating_sub(200));
                world.cold.set_horizon(world.horizon);
            }
            _ => drop(world.serve()),
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn agrees_with_a_map(seed in any::<u64>(), frame_records in 1usize..7, reads_max in 1usize..20, keys in 1u64..400) {
        let keys: Vec<u64> = (0..keys).collect();
        let mut world = run(seed, frame_records, reads_max, &keys, 3000);
        world.compare();
        world.rest();
        world.compare();
    }
}

/// Keys whose fingerprints are those of another, found by looking at a million.
fn colliding() -> Vec<u64> {
    let mut hashes: Vec<(u64, u64)> = (0..1 << 20).map(|key| (mum64(key) >> 32, key)).collect();
    hashes.sort_unstable();
    let pairs = hashes.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    pairs.flat_map(|pair| [pair[0].1, pair[1].1]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn keys_of_one_fingerprint_are_told_apart(seed in any::<u64>(), frame_records in 1usize..7, reads_max in 8usize..20) {
        let keys = colliding();
        assert!(keys.len() > 100);
        let mut world = run(seed, frame_records, reads_max, &keys, 2000);
        world.rest();
        world.compare();
    }
}

#[test]
fn the_file_stays_within_twice_what_is_live_and_a_few_segments() {
    let mut world = World::new(small(8, 16));
    let mut random = Random::new(7);
    let live = 4000;
    for key in 0..live {
        while !world.cold.has_room() {
            world.rest();
        }
        world.evict(key, 0);
    }
    for _ in 0..100_000 {
        let key = random.below(live);
        world.fetch(key);
        world.serve();
        world.poll();
        world.evict(key, 0);
        world.poll();
    }
    world.rest();
    world.compare();
    let figures = world.cold.figures();
    let segments = 4096 + 8 * (40 * 8 * 4);
    assert!(
        figures.file_bytes < 2 * figures.live_bytes + segments,
        "{figures:?}"
    );
    let amplification = figures.writes as f64 / (figures.writes - figures.moved) as f64;
    assert!(
        amplification < 2.0 && figures.moved > 10_000,
        "{amplification}"
    );
    println!(
        "write amplification {amplification:.2}, file {:.2} × live",
        figures.file_bytes as f64 / figures.live_bytes as f64
    );
}

#[test]
fn what_the_horizon_has_passed_leaves_index_and_file() {
    let mut world = World::new(small(8, 16));
    for key in 0..100_000u64 {
        while !world.cold.has_room() {
            world.rest();
        }
        world.evict(key, key);
        world.horizon = key.saturating_sub(1000);
        world.cold.set_horizon(world.horizon);
        world.serve();
        world.poll();
    }
    world.rest();
    world.compare();
    assert!(world.cold.len() < 3000, "{} keys", world.cold.len());
    let file = world.cold.figures().file_bytes;
    assert!(file < 300_000, "{file} bytes");
    assert!(world.cold.expired() > 97_000);
}
