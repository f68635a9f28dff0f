//! Space-Saving: the most frequent keys of a stream in a fixed number of counters.
//!
//! ```text
//!   key has a counter         its count grows
//!   there is a free one       it takes that, with error 0
//!   otherwise                 it takes over the least one: count = least + weight, error = least
//!
//!   counters   a heap, the least count on top        [17: 3 ±1] [4: 9 ±0] [8: 5 ±3] …
//!   index      open addressing, hash → counter       · 2 · · 1 3 · …
//! ```
//!
//! Owned by whoever counts. All memory is taken when it is made. An update costs a probe of the index and a
//! sift down the heap, which for a frequent key ends where it begins: such keys lie at the bottom.
//!
//! Invariants, with W the weight of all that came and m counters: the counts sum to W; for each counter
//! `count - error <= true <= count`; every error, and the weight of any key without a counter, is at most the
//! least count, which is at most W / m. So each key with more than W / m has a counter.
//!
//! Source: A. Metwally, D. Agrawal, A. El Abbadi, "Efficient Computation of Frequent and Top-k Elements in
//! Data Streams", ICDT 2005. Their list of buckets takes steps of 1; a heap takes weights.

use super::heavy::{HeavyHitters, Hitter};

/// No counter in this slot of the index.
const NONE: u16 = u16::MAX;
/// The most counters there can be: a place in the heap fits the index.
const COUNTERS_MAX: usize = 1 << 14;

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    key: u64,
    count: u64,
    error: u64,
    /// Where the index has it.
    slot: usize,
}

/// The most frequent keys so far.
#[derive(Debug)]
pub struct SpaceSaving {
    /// A heap: no count is above those of its two children.
    counters: Vec<Counter>,
    most: usize,
    /// Places in the heap, at most half full; a probe goes from the home of the hash to the next free slot.
    index: Box<[u16]>,
    weight: u64,
}

impl Clone for SpaceSaving {
    /// With room for all counters, which the copy of a vector would not have: it would grow under the first events.
    fn clone(&self) -> Self {
        let mut counters = Vec::with_capacity(self.most);
        counters.extend_from_slice(&self.counters);
        SpaceSaving {
            counters,
            most: self.most,
            index: self.index.clone(),
            weight: self.weight,
        }
    }
}

impl SpaceSaving {
    /// With so many counters: at least 1, at most 16,384.
    pub fn new(counters: usize) -> Self {
        let most = counters.clamp(1, COUNTERS_MAX);
        SpaceSaving {
            counters: Vec::with_capacity(most),
            most,
            index: vec![NONE; (2 * most).next_power_of_two()].into(),
            weight: 0,
        }
    }

    /// Weight of all that came.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Upper bound of the weight of a key without a counter.
    pub fn unlisted_max(&self) -> u64 {
        match self.counters.first() {
            Some(least) if self.counters.len() == self.most => least.count,
            _ => 0,
        }
    }

    /// `key`, whose [`mum64`](super::mum64) is `hash`, came with `weight`. Returns its count and its error.
    pub fn add(&mut self, key: u64, hash: u64, weight: u64) -> (u64, u64) {
        self.weight += weight;
        let place = match self.find(key, hash) {
            Ok(place) => place,
            Err(slot) if self.counters.len() < self.most => {
                self.index[slot] = self.counters.len() as u16;
                let last = self.counters.len();
                self.counters.push(Counter {
                    key,
                    slot,
                    ..Counter::default()
                });
                // A count of 0 is the least there is: it goes up to the top, then down as it grows.
                self.up(last)
            }
            Err(_) => {
                self.forget(self.counters[0].slot);
                let mut slot = self.home(hash);
                while self.index[slot] != NONE {
                    slot = (slot + 1) & (self.index.len() - 1);
                }
                let least = &mut self.counters[0];
                (least.key, least.error, least.slot) = (key, least.count, slot);
                self.index[slot] = 0;
                0
            }
        };
        self.counters[place].count += weight;
        let Counter { count, error, .. } = self.counters[place];
        self.down(place);
        (count, error)
    }

    /// All counters, the largest count first.
    pub fn heavy(&self) -> HeavyHitters {
        let hitter = |counter: &Counter| Hitter {
            key: counter.key,
            count: counter.count,
            error: counter.error,
        };
        HeavyHitters::new(
            self.counters.iter().map(hitter).collect(),
            self.weight,
            self.unlisted_max(),
        )
    }

    fn home(&self, hash: u64) -> usize {
        // The high half: the low one has chosen the partition.
        (hash >> 32) as usize & (self.index.len() - 1)
    }

    /// The place of the counter of `key`, or else the slot where its place belongs.
    fn find(&self, key: u64, hash: u64) -> Result<usize, usize> {
        let mut slot = self.home(hash);
        loop {
            match self.index[slot] {
                NONE => return Err(slot),
                place if self.counters[place as usize].key == key => return Ok(place as usize),
                _ => slot = (slot + 1) & (self.index.len() - 1),
            }
        }
    }

    /// Empties `slot` and moves up those behind it that could no longer be found.
    fn forget(&mut self, slot: usize) {
        let mask = self.index.len() - 1;
        let (mut hole, mut next) = (slot, (slot + 1) & mask);
        while self.index[next] != NONE {
            let place = self.index[next] as usize;
            let home = self.home(super::mum64(self.counters[place].key));
            let from_home = next.wrapping_sub(home) & mask;
            let from_hole = next.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.index[hole] = place as u16;
                self.counters[place].slot = hole;
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.index[hole] = NONE;
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.counters.swap(a, b);
        self.index[self.counters[a].slot] = a as u16;
        self.index[self.counters[b].slot] = b as u16;
    }

    fn up(&mut self, mut place: usize) -> usize {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.counters[parent].count <= self.counters[place].count {
                break;
            }
            self.swap(parent, place);
            place = parent;
        }
        place
    }

    fn down(&mut self, mut place: usize) {
        loop {
            let children = (2 * place + 1)..self.counters.len().min(2 * place + 3);
            let Some(least) = children.min_by_key(|child| self.counters[*child].count) else {
                return;
            };
            if self.counters[least].count >= self.counters[place].count {
                return;
            }
            self.swap(least, place);
            place = least;
        }
    }
}

#[cfg(test)]
#[path = "space_saving_tests.rs"]
mod tests;
