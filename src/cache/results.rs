//! A bounded cache of results: what was computed for a key, until it makes room or is no longer true.
//!
//! ```text
//!   get(key) ─► index ─► node ─► values[node]?  ── yes ─► the policy hears of a request, hit
//!                                               └─ no ──► miss; nothing changes
//!   … the caller computes the value …
//!   insert(key, value) ─► node of the key, or a free one ─► the policy hears of the request that missed
//!                                                           evicted: its value goes
//!                                                           forgotten: its key and node go
//!   invalidate(key) ─► value, key and node go; the policy drops the node
//! ```
//!
//! One reference is one request to the policy: a hit in `get`, a miss in the `insert` that follows it. A miss
//! that is never inserted is counted as one here, and the policy does not hear of it.
//!
//! Invariant: a node has a key while the policy holds or remembers it, and a value while it holds it; the
//! others are free. There are so many nodes that a miss finds one: what can be held, what can be remembered,
//! and one. Owned by whoever asks; single-threaded; everything is allocated in `new`, which makes a hit one
//! look-up and a call of the policy, and a miss a few more stores.

use super::index::Index;
use super::{Bounds, Departures, Policy, S3Fifo, Units};
use crate::partition::mum64;

/// What a cache counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Calls of `get` and `get_mut` that found a value.
    pub hits: u64,
    /// Those that did not.
    pub misses: u64,
    /// Values that made room for others, or were refused by the policy as soon as they came.
    pub evictions: u64,
    /// Values that were dropped by [`Cache::invalidate`].
    pub invalidations: u64,
}

/// Values by key, so many at the most.
///
/// S3-FIFO unless another policy is named: of 100,000 results under `zipf(0.99,1000000)` it finds 86.0 %
/// (W-TinyLFU 85.5, SIEVE 81.3, CLOCK 77.2, LRU 76.7) in 38 ns a look-up, insertions included (114, 32, 40,
/// 49): `cargo bench --bench cache`.
#[derive(Clone, Debug)]
pub struct Cache<V, P: Policy = S3Fifo> {
    policy: P,
    entries: Entries<V>,
    capacity: usize,
    hits: u64,
    misses: u64,
    invalidations: u64,
}

/// All but the policy, which tells it of departures.
#[derive(Clone, Debug)]
struct Entries<V> {
    index: Index,
    values: Box<[Option<V>]>,
    /// Nodes without a key.
    free: Vec<u32>,
    len: usize,
    evictions: u64,
}

impl<V> Departures for Entries<V> {
    #[inline]
    fn evicted(&mut self, node: u32) {
        if self.values[node as usize].take().is_some() {
            self.len -= 1;
            self.evictions += 1;
        }
    }

    #[inline]
    fn forgotten(&mut self, node: u32) {
        self.index.remove(node);
        self.free.push(node);
    }
}

impl<V, P: Policy> Cache<V, P> {
    /// An empty cache for `capacity` values; 0 is taken for 1.
    ///
    /// # Panics
    /// When the policy needs 2^31 nodes or more.
    pub fn new(capacity: usize) -> Self {
        let mut bounds = Bounds {
            capacity: capacity.max(1) as u64,
            nodes: u32::MAX,
        };
        let nodes = bounds.capacity.saturating_add(P::ghosts(bounds)) + 1;
        bounds.nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
        assert!(bounds.nodes < 1 << 31, "a cache of {capacity} values");
        Cache {
            policy: P::new(bounds),
            entries: Entries {
                index: Index::new(bounds.nodes),
                values: (0..bounds.nodes).map(|_| None).collect(),
                // The lowest first: what is small stays together.
                free: (0..bounds.nodes).rev().collect(),
                len: 0,
                evictions: 0,
            },
            capacity: capacity.max(1),
            hits: 0,
            misses: 0,
            invalidations: 0,
        }
    }

    /// The value of `key`, if it is held.
    #[inline]
    pub fn get(&mut self, key: u64) -> Option<&V> {
        self.get_mut(key).map(|value| &*value)
    }

    /// The value of `key`, if it is held.
    #[inline]
    pub fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let entries = &mut self.entries;
        let held = entries.index.get(key);
        let held = held.filter(|node| entries.values[*node as usize].is_some());
        let Some(node) = held else {
            self.misses += 1;
            return None;
        };
        self.hits += 1;
        self.policy.request(node, mum64(key), &Units, entries);
        // W-TinyLFU may let something go on a hit, though not what was hit.
        entries.values[node as usize].as_mut()
    }

    /// Holds `value` for `key`, in place of what is held for it; the policy may refuse it.
    #[inline]
    pub fn insert(&mut self, key: u64, value: V) {
        let entries = &mut self.entries;
        let node = match entries.index.get(key) {
            Some(node) => node,
            None => {
                let Some(node) = entries.free.pop() else {
                    // Not so: see the invariant. A value less is no wrong answer.
                    debug_assert!(false, "no node for a miss");
                    return;
                };
                entries.index.insert(key, node);
                node
            }
        };
        let place = &mut entries.values[node as usize];
        if place.replace(value).is_some() {
            return;
        }
        entries.len += 1;
        let hit = self.policy.request(node, mum64(key), &Units, entries);
        debug_assert!(!hit, "the policy holds what has no value");
    }

    /// Drops what is known of `key`; whether a value was held.
    #[inline]
    pub fn invalidate(&mut self, key: u64) -> bool {
        let Some(node) = self.entries.index.get(key) else {
            return false;
        };
        let held = self.entries.values[node as usize].take().is_some();
        self.policy.remove(node, &Units);
        self.entries.forgotten(node);
        self.entries.len -= usize::from(held);
        self.invalidations += u64::from(held);
        held
    }

    /// Values held.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.entries.len
    }

    /// Values held at the most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// What was counted since [`Cache::new`].
    pub fn counts(&self) -> CacheCounts {
        CacheCounts {
            hits: self.hits,
            misses: self.misses,
            evictions: self.entries.evictions,
            invalidations: self.invalidations,
        }
    }

    /// Bytes kept for finding and replacing: keys, index, free list and the policy; not the values.
    pub fn metadata_bytes(&self) -> u64 {
        let free = self.entries.free.capacity() * size_of::<u32>();
        self.policy.metadata_bytes() + self.entries.index.bytes() + free as u64
    }
}
