//! The caches that are compared: each takes a slice of ids, a hit reads and writes the value, a miss
//! inserts and evicts. All keep `u64 → 48 bytes` and hash as their crate does by default.

use crate::Value;
use millstream::partition::mum64;
use millstream::state::hot::{Entry, Hot, SetPolicy, Spot};

/// A cache under test.
pub trait Peer {
    /// Runs the requests; returns the misses.
    fn run(&mut self, ids: &[u64]) -> u64;
}

fn fresh(id: u64) -> Value {
    [id, 1, 0, 0, 0, 0]
}

/// Reads and writes.
#[inline(always)]
fn use_of(value: &mut Value) {
    value[1] += 1;
}

/// Requests of a block of the pipeline, as in the keyed operator.
const BLOCK: usize = 16;
const SPOTS: usize = 64;

pub struct Sets<P>(pub Hot<Value, P>);

impl<P: SetPolicy> Sets<P> {
    pub fn of_entries(entries: usize) -> Self {
        // 68 bytes an entry, metadata included.
        let bytes = entries * (size_of::<Entry<Value>>() + 4);
        Sets(Hot::new(bytes).expect("memory for the hot table"))
    }

    #[inline(always)]
    fn one(&mut self, spot: Spot, hash: u64, id: u64) -> u64 {
        if let Some(entry) = self.0.hit(spot, hash, id) {
            use_of(&mut entry.value);
            return 0;
        }
        self.0.insert(hash, id, 0, fresh(id), |_| ());
        1
    }
}

impl<P: SetPolicy> Peer for Sets<P> {
    fn run(&mut self, ids: &[u64]) -> u64 {
        let mut misses = 0;
        if !self.0.is_large() {
            for id in ids {
                let hash = mum64(*id);
                misses += self.one(self.0.prefetch(hash), hash, *id);
            }
            return misses;
        }
        let mut spots = [(Spot::default(), 0u64); SPOTS];
        let (mut done, mut looked, mut fetched) = (0, 0, 0);
        while done < ids.len() {
            let fetch_to = ids.len().min(done + 3 * BLOCK);
            while fetched < fetch_to {
                let hash = mum64(ids[fetched]);
                spots[fetched % SPOTS] = (self.0.prefetch(hash), hash);
                fetched += 1;
            }
            let look_to = fetched.min(done + 2 * BLOCK);
            while looked < look_to {
                let (spot, hash) = spots[looked % SPOTS];
                spots[looked % SPOTS].0 = self.0.look(spot, hash);
                looked += 1;
            }
            let stop = looked.min(done + BLOCK);
            while done < stop {
                let (spot, hash) = spots[done % SPOTS];
                misses += self.one(spot, hash, ids[done]);
                done += 1;
            }
        }
        misses
    }
}

macro_rules! peer {
    ($name:ident, $inner:ty, |$cache:ident, $id:ident| $get:expr, $put:expr) => {
        pub struct $name(pub $inner);
        impl Peer for $name {
            fn run(&mut self, ids: &[u64]) -> u64 {
                let mut misses = 0;
                let $cache = &mut self.0;
                for $id in ids.iter().copied() {
                    if $get {
                        continue;
                    }
                    $put;
                    misses += 1;
                }
                misses
            }
        }
    };
}

peer!(
    Schnellru,
    schnellru::LruMap<u64, Value, schnellru::ByLength>,
    |cache, id| cache.get(&id).map(use_of).is_some(),
    cache.insert(id, fresh(id))
);
peer!(
    Lru,
    lru::LruCache<u64, Value>,
    |cache, id| cache.get_mut(&id).map(use_of).is_some(),
    cache.push(id, fresh(id))
);
peer!(
    Clru,
    clru::CLruCache<u64, Value>,
    |cache, id| cache.get_mut(&id).map(use_of).is_some(),
    cache.put(id, fresh(id))
);
peer!(
    QuickCache,
    quick_cache::unsync::Cache<u64, Value>,
    |cache, id| cache
        .get_mut(&id)
        .map(|mut value| use_of(&mut value))
        .is_some(),
    cache.insert(id, fresh(id))
);
// No mutable access: the value is read, changed and inserted again.
peer!(
    MiniMoka,
    mini_moka::unsync::Cache<u64, Value>,
    |cache, id| {
        let held = cache.get(&id).copied();
        if let Some(mut value) = held {
            use_of(&mut value);
            cache.insert(id, value);
        }
        held.is_some()
    },
    cache.insert(id, fresh(id))
);
