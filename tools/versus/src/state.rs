//! The state of the peers that bring none: a hashbrown map with the engine's own hash of keys, which is as fast
//! here as hashbrown's default (foldhash); so the exchange and the map share one hash.

use crate::event::Event;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use millstream::app::aggregate::{Aggregated, Total};
use millstream::partition::mum64;
use std::hash::{BuildHasher, Hasher};

/// Builds [`KeyHasher`]s.
#[derive(Clone, Copy, Default)]
pub struct KeyHash;

/// Hashes one `u64`.
#[derive(Default)]
pub struct KeyHasher(u64);

impl BuildHasher for KeyHash {
    type Hasher = KeyHasher;
    #[inline(always)]
    fn build_hasher(&self) -> KeyHasher {
        KeyHasher(0)
    }
}

impl Hasher for KeyHasher {
    #[inline(always)]
    fn write_u64(&mut self, key: u64) {
        self.0 = mum64(key);
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mum64(self.0 ^ u64::from(*byte));
        }
    }
    #[inline(always)]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// State by key.
pub type Map<S> = HashMap<u64, S, KeyHash>;

/// A map with room for `keys` keys, all of whose memory has been touched; 0: empty, to grow.
pub fn map<S: Default>(keys: usize) -> Map<S> {
    let mut map = HashMap::with_capacity_and_hasher(keys, KeyHash);
    for key in 0..keys as u64 {
        map.insert(key, S::default());
    }
    map.clear();
    map
}

/// Totals by key.
pub struct Totals(Map<Total>);

impl Totals {
    /// With room for `keys` keys, all of whose memory has been touched; 0: empty, to grow.
    pub fn with_room(keys: usize) -> Self {
        Totals(map(keys))
    }

    /// Takes in an event; the updated record.
    #[inline(always)]
    pub fn answer(&mut self, event: &Event) -> Aggregated {
        let total = match self.0.entry(event.key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Total::default()),
        };
        total.add(event.value, event.ts_ns);
        total.record(event.key)
    }
}

/// Which of two threads a key belongs to: a bit that the map uses last.
#[inline(always)]
pub fn owner(key: u64) -> usize {
    (mum64(key) >> 32 & 1) as usize
}
