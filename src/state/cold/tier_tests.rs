//! The whole tier against a `HashMap`, in random orders, with small frames so that compaction and reuse
//! never rest.

use super::*;
use crate::partition::mum64;
use crate::sys::clock::Clock;
use crate::sys::random::Random;
use crate::task::{Context, Progress, Task};
use proptest::prelude::*;
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
        frame_bytes: 32 * frame_records,
        segment_bytes: 32 * frame_records * 4,
        grow_bytes: 32 * frame_records as u64 * 4 * 8,
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
    }
}

/// Both halves, the hot entries, and the keys on their way between.
struct World {
    cold: Cold<Value>,
    server: ColdServer<Value>,
    cx: Context,
    /// What a fetch must find, and the stamp.
    model: HashMap<u64, (u32, u32)>,
    asked: HashMap<u32, u64>,
    awaited: HashSet<u64>,
    tickets: u32,
    versions: u32,
    horizon: u32,
    hashes: fn(u64) -> u64,
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
            hashes: mum64,
        }
    }

    /// The key is back, or was found to be away.
    fn back(&mut self, key: u64, found: Option<(u32, Value)>) {
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

    fn evict(&mut self, key: u64, stamp: u32) {
        if self.awaited.contains(&key) || self.model.contains_key(&key) || !self.cold.has_room() {
            return;
        }
        self.versions += 1;
        let value = value(key, self.versions);
        self.cold.evict((self.hashes)(key), key, stamp, &value);
        self.model.insert(key, (self.versions, stamp));
    }

    fn fetch(&mut self, key: u64) {
        if self.awaited.contains(&key) {
            return;
        }
        self.tickets += 1;
        match self.cold.fetch((self.hashes)(key), key, self.tickets, 0) {
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
        if self.cold.remove((self.hashes)(key), key, 0) != Remove::Full {
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
        let visit = &mut |key: u64, stamp: u32, found: &Value| {
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

/// Hashes whose upper halves nearly all collide; `mum64` is what compaction uses, so these are made of it.
fn run(seed: u64, frame_records: usize, reads_max: usize, keys: u64, steps: usize) -> World {
    let mut random = Random::new(seed);
    let mut world = World::new(small(frame_records, reads_max));
    let pace = 1 + random.below(8);
    let expires = random.below(3) == 0;
    for step in 0..steps {
        let key = random.below(keys);
        match random.below(20 + pace) {
            0..=7 => world.evict(key, step as u32),
            8..=13 => world.fetch(key),
            14 => world.remove(key),
            15..=16 => drop(world.poll()),
            17 if random.below(10) == 0 => world.cold.flush(),
            18 if random.below(40) == 0 => world.compare(),
            19 if expires && random.below(10) == 0 => {
                world.horizon = world.horizon.max((step as u32).saturating_sub(200));
                world.cold.set_horizon(world.horizon);
            }
            _ => drop(world.serve()),
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn agrees_with_a_map(seed in any::<u64>(), frame_records in 1usize..7, reads_max in 1usize..20, keys in 1u64..400) {
        let mut world = run(seed, frame_records, reads_max, keys, 3000);
        world.compare();
        world.rest();
        world.compare();
    }
}
