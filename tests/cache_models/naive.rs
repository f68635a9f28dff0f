//! Each policy written down as plainly as can be: vectors, searched from end to end.
//!
//! Queues have the newest in front. `room` and `total` add up sizes; nothing is kept that can be counted.
use std::collections::HashMap;

/// What a model knows of sizes and of its room.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) capacity: u64,
    pub(crate) sizes: Vec<u64>,
}

impl Store {
    pub(crate) fn total(&self, queue: &[u32]) -> u64 {
        queue.iter().map(|node| self.sizes[*node as usize]).sum()
    }

    pub(crate) fn size(&self, node: u32) -> u64 {
        self.sizes[node as usize]
    }

    pub(crate) fn fits(&self, node: u32) -> bool {
        self.size(node) <= self.capacity
    }
}

/// A policy that can be asked for and that says what it holds and what it remembers.
pub(crate) trait Naive {
    fn new(store: Store) -> Self;
    fn request(&mut self, node: u32) -> bool;
    fn remove(&mut self, node: u32);
    fn held(&self) -> Vec<u32>;
    fn remembered(&self) -> Vec<u32> {
        Vec::new()
    }
}

/// Takes `node` out of `queue`, if it is there.
pub(crate) fn take(queue: &mut Vec<u32>, node: u32) -> bool {
    let found = queue.iter().position(|other| *other == node);
    found.map(|at| queue.remove(at)).is_some()
}

pub(crate) struct NaiveFifo(Store, Vec<u32>);

impl Naive for NaiveFifo {
    fn new(store: Store) -> Self {
        NaiveFifo(store, vec![])
    }

    fn request(&mut self, node: u32) -> bool {
        let NaiveFifo(store, queue) = self;
        if queue.contains(&node) {
            return true;
        }
        if store.fits(node) {
            while store.total(queue) + store.size(node) > store.capacity {
                queue.pop();
            }
            queue.insert(0, node);
        }
        false
    }

    fn remove(&mut self, node: u32) {
        take(&mut self.1, node);
    }

    fn held(&self) -> Vec<u32> {
        self.1.clone()
    }
}

pub(crate) struct NaiveLru(NaiveFifo);

impl Naive for NaiveLru {
    fn new(store: Store) -> Self {
        NaiveLru(NaiveFifo::new(store))
    }

    fn request(&mut self, node: u32) -> bool {
        // A hit leaves and comes again.
        let hit = take(&mut self.0.1, node);
        self.0.request(node);
        hit
    }

    fn remove(&mut self, node: u32) {
        self.0.remove(node);
    }

    fn held(&self) -> Vec<u32> {
        self.0.held()
    }
}

/// A circle of objects and counts; the hand is before the first, and a new object comes behind it.
pub(crate) struct NaiveClock<const MOST: u8>(Store, Vec<(u32, u8)>);

impl<const MOST: u8> Naive for NaiveClock<MOST> {
    fn new(store: Store) -> Self {
        NaiveClock(store, vec![])
    }

    fn request(&mut self, node: u32) -> bool {
        if let Some((_, count)) = self.1.iter_mut().find(|(other, _)| *other == node) {
            *count = MOST.min(*count + 1);
            return true;
        }
        if self.0.fits(node) {
            while self.0.total(&self.held()) + self.0.size(node) > self.0.capacity {
                let (other, count) = self.1.remove(0);
                if count > 0 {
                    self.1.push((other, count - 1));
                }
            }
            self.1.push((node, 0));
        }
        false
    }

    fn remove(&mut self, node: u32) {
        self.1.retain(|(other, _)| *other != node);
    }

    fn held(&self) -> Vec<u32> {
        self.1.iter().map(|(node, _)| *node).collect()
    }
}

/// Objects from old to new with their bits; the hand is an index, and `len` stands for the oldest again.
pub(crate) struct NaiveSieve(Store, Vec<(u32, bool)>, usize);

impl Naive for NaiveSieve {
    fn new(store: Store) -> Self {
        NaiveSieve(store, vec![], usize::MAX)
    }

    fn request(&mut self, node: u32) -> bool {
        if let Some((_, visited)) = self.1.iter_mut().find(|(other, _)| *other == node) {
            *visited = true;
            return true;
        }
        if self.0.fits(node) {
            while self.0.total(&self.held()) + self.0.size(node) > self.0.capacity {
                if self.2 >= self.1.len() {
                    self.2 = 0;
                }
                if std::mem::take(&mut self.1[self.2].1) {
                    self.2 += 1;
                } else {
                    self.1.remove(self.2);
                    self.past_newest();
                }
            }
            self.1.push((node, false));
        }
        false
    }

    fn remove(&mut self, node: u32) {
        if let Some(at) = self.1.iter().position(|(other, _)| *other == node) {
            self.1.remove(at);
            if at < self.2 && self.2 != usize::MAX {
                self.2 -= 1;
            }
            self.past_newest();
        }
    }

    fn held(&self) -> Vec<u32> {
        self.1.iter().map(|(node, _)| *node).collect()
    }
}

impl NaiveSieve {
    /// A hand past the newest starts with the oldest, whatever comes after the newest.
    fn past_newest(&mut self) {
        if self.2 >= self.1.len() {
            self.2 = usize::MAX;
        }
    }
}

/// Counts, and the moment at which each was reached.
pub(crate) struct NaiveLfu(Store, HashMap<u32, (u64, u64)>, u64);

impl Naive for NaiveLfu {
    fn new(store: Store) -> Self {
        NaiveLfu(store, HashMap::new(), 0)
    }

    fn request(&mut self, node: u32) -> bool {
        self.2 += 1;
        if let Some(count) = self.1.get_mut(&node) {
            *count = (count.0 + 1, self.2);
            return true;
        }
        if self.0.fits(node) {
            while self.0.total(&self.held()) + self.0.size(node) > self.0.capacity {
                let victim = *self.1.iter().min_by_key(|(_, count)| **count).unwrap().0;
                self.1.remove(&victim);
            }
            self.1.insert(node, (1, self.2));
        }
        false
    }

    fn remove(&mut self, node: u32) {
        self.1.remove(&node);
    }

    fn held(&self) -> Vec<u32> {
        self.1.keys().copied().collect()
    }
}
