//! The policies that remember or count more than they hold, as plainly as can be.
use crate::naive::{Naive, Store, take};
use std::collections::HashMap;

#[derive(Default)]
pub(crate) struct NaiveS3Fifo<const FILL: bool> {
    store: Option<Store>,
    small: Vec<u32>,
    main: Vec<u32>,
    ghosts: Vec<u32>,
    counts: HashMap<u32, u8>,
    evicted: bool,
}

impl<const FILL: bool> NaiveS3Fifo<FILL> {
    fn evict(&mut self, store: &Store) {
        self.evicted = true;
        let small_share = (store.capacity / 10).max(1);
        if store.total(&self.main) > store.capacity - small_share || self.small.is_empty() {
            while let Some(node) = self.main.pop() {
                if self.counts[&node] == 0 {
                    return;
                }
                *self.counts.get_mut(&node).unwrap() -= 1;
                self.main.insert(0, node);
            }
        }
        while let Some(node) = self.small.pop() {
            if self.counts[&node] < 2 {
                let share = (store.capacity * 9 / 10).max(1);
                if store.size(node) <= share {
                    self.ghosts.insert(0, node);
                }
                while store.total(&self.ghosts) > share {
                    self.ghosts.pop();
                }
                return;
            }
            self.counts.insert(node, 0);
            self.main.insert(0, node);
        }
    }
}

impl<const FILL: bool> Naive for NaiveS3Fifo<FILL> {
    fn new(store: Store) -> Self {
        NaiveS3Fifo {
            store: Some(store),
            small: vec![],
            main: vec![],
            ghosts: vec![],
            counts: HashMap::new(),
            evicted: false,
        }
    }

    fn request(&mut self, node: u32) -> bool {
        if self.held().contains(&node) {
            let count = self.counts.get_mut(&node).unwrap();
            *count = 3.min(*count + 1);
            return true;
        }
        let store = self.store.clone().unwrap();
        if store.fits(node) {
            let mut to_main = take(&mut self.ghosts, node);
            while store.total(&self.held()) + store.size(node) > store.capacity {
                self.evict(&store);
            }
            let full = store.total(&self.small) >= (store.capacity / 10).max(1);
            to_main |= FILL && !self.evicted && full;
            self.counts.insert(node, 0);
            let queue = if to_main {
                &mut self.main
            } else {
                &mut self.small
            };
            queue.insert(0, node);
        }
        false
    }

    fn remove(&mut self, node: u32) {
        for queue in [&mut self.small, &mut self.main, &mut self.ghosts] {
            take(queue, node);
        }
    }

    fn held(&self) -> Vec<u32> {
        [&self.small[..], &self.main].concat()
    }

    fn remembered(&self) -> Vec<u32> {
        self.ghosts.clone()
    }
}

pub(crate) struct NaiveArc {
    store: Store,
    t1: Vec<u32>,
    t2: Vec<u32>,
    b1: Vec<u32>,
    b2: Vec<u32>,
    p: f64,
}

impl NaiveArc {
    fn replace(&mut self, node: u32, in_b2: bool) {
        let store = &self.store;
        while store.total(&self.t1) + store.total(&self.t2) + store.size(node) > store.capacity {
            let length = store.total(&self.t1) as f64;
            let once = length > 0.0 && (length > self.p || in_b2 && length == self.p);
            if once || self.t2.is_empty() {
                self.b1.insert(0, self.t1.pop().unwrap());
            } else {
                self.b2.insert(0, self.t2.pop().unwrap());
            }
        }
    }
}

impl Naive for NaiveArc {
    fn new(store: Store) -> Self {
        let [t1, t2, b1, b2] = [const { Vec::new() }; 4];
        NaiveArc {
            store,
            t1,
            t2,
            b1,
            b2,
            p: 0.0,
        }
    }

    fn request(&mut self, node: u32) -> bool {
        let (size, c) = (self.store.size(node), self.store.capacity);
        let hit = take(&mut self.t1, node) || take(&mut self.t2, node);
        let lengths = [&self.b1, &self.b2].map(|ghosts| self.store.total(ghosts) as f64);
        let in_b1 = take(&mut self.b1, node);
        let in_b2 = take(&mut self.b2, node);
        if in_b1 {
            self.p += size as f64 * (lengths[1] / lengths[0]).max(1.0);
        } else if in_b2 {
            self.p -= size as f64 * (lengths[0] / lengths[1]).max(1.0);
        }
        self.p = self.p.clamp(0.0, c as f64);
        if hit || in_b1 || in_b2 {
            self.replace(node, in_b2);
            self.t2.insert(0, node);
        } else if self.store.fits(node) {
            while self.store.total(&self.t1) + self.store.total(&self.b1) + size > c {
                if self.b1.pop().is_none() {
                    self.t1.pop();
                }
            }
            let total = |arc: &Self| arc.store.total(&[arc.held(), arc.remembered()].concat());
            while total(self) + size > 2 * c {
                self.b2.pop();
            }
            self.replace(node, false);
            self.t1.insert(0, node);
        }
        hit
    }

    fn remove(&mut self, node: u32) {
        for list in [&mut self.t1, &mut self.t2, &mut self.b1, &mut self.b2] {
            take(list, node);
        }
    }

    fn held(&self) -> Vec<u32> {
        [&self.t1[..], &self.t2].concat()
    }

    fn remembered(&self) -> Vec<u32> {
        [&self.b1[..], &self.b2].concat()
    }
}

/// W-TinyLFU with a filter of plain arithmetic.
pub(crate) struct NaiveWTinyLfu {
    store: Store,
    window: Vec<u32>,
    probation: Vec<u32>,
    protected: Vec<u32>,
    counters: Vec<u16>,
    hits: u64,
}

/// The hash by which both sides count.
pub(crate) fn hash(node: u32) -> u64 {
    millstream::partition::mum64(node.into())
}

impl NaiveWTinyLfu {
    fn main_share(&self) -> u64 {
        self.store.capacity - (self.store.capacity / 100).max(1)
    }

    fn spot(&self, node: u32) -> impl Iterator<Item = usize> + use<> {
        let (first, step) = (hash(node) as u32, (hash(node) >> 32) as u32);
        let count = self.counters.len() as u32;
        (0..10).map(move |i| (first.wrapping_add(step.wrapping_mul(i)) % count) as usize)
    }

    fn see(&mut self, node: u32) {
        for at in self.spot(node) {
            self.counters[at] += 1;
        }
    }

    fn seen(&self, node: u32) -> u16 {
        self.spot(node).map(|at| self.counters[at]).min().unwrap()
    }

    fn main_used(&self) -> u64 {
        self.store.total(&self.probation) + self.store.total(&self.protected)
    }

    fn evict_main(&mut self) {
        if self.probation.pop().is_none() {
            self.protected.pop();
        }
    }

    fn admit(&mut self, node: u32) {
        let used = [&self.probation, &self.protected].map(|queue| self.store.total(queue));
        let shares = [self.main_share() / 5, self.main_share() * 4 / 5];
        let fits = |i: usize| used[i] + self.store.size(node) <= shares[i];
        if !fits(0) && fits(1) {
            self.protected.insert(0, node);
        } else {
            self.probation.insert(0, node);
        }
    }

    fn promote(&mut self, node: u32) {
        self.protected.insert(0, node);
        while self.store.total(&self.protected) > self.main_share() * 4 / 5 {
            self.probation.insert(0, self.protected.pop().unwrap());
            while self.store.total(&self.probation) > self.main_share() / 5
                && self.probation.last() != Some(&node)
            {
                self.evict_main();
            }
        }
        self.see(node);
        self.hits += 1;
        if self.hits == 32 * self.main_share() {
            self.hits = 0;
            self.counters.iter_mut().for_each(|counter| *counter /= 2);
        }
    }

    fn contend(&mut self) {
        let candidate = self.window.pop().unwrap();
        let (size, share) = (self.store.size(candidate), self.main_share());
        let victim = self.probation.last().or(self.protected.last()).copied();
        if size <= share && self.main_used() + size <= share {
            self.admit(candidate);
        } else if size <= share && self.seen(candidate) > self.seen(victim.unwrap()) {
            while self.main_used() + size > share {
                self.evict_main();
            }
            self.admit(candidate);
        }
        self.see(candidate);
    }
}

impl Naive for NaiveWTinyLfu {
    fn new(store: Store) -> Self {
        let main = store.capacity - (store.capacity / 100).max(1);
        let objects = main.min(store.sizes.len() as u64) as f64;
        let count = (-(0.001_f64.ln()) / 0.480_453_013_918_201 * objects).ceil() as usize;
        let [window, probation, protected] = [const { Vec::new() }; 3];
        let counters = vec![0; if count < 10 { 20 } else { count }];
        NaiveWTinyLfu {
            store,
            window,
            probation,
            protected,
            counters,
            hits: 0,
        }
    }

    fn request(&mut self, node: u32) -> bool {
        if take(&mut self.probation, node) || take(&mut self.protected, node) {
            self.promote(node);
            return true;
        }
        let hit = take(&mut self.window, node);
        if !hit && !self.store.fits(node) {
            return false;
        }
        while self.store.total(&self.held()) + self.store.size(node) > self.store.capacity {
            if self.window.is_empty() {
                self.evict_main();
            } else {
                self.contend();
            }
        }
        self.window.insert(0, node);
        if !hit {
            self.see(node);
        }
        hit
    }

    fn remove(&mut self, node: u32) {
        for list in [&mut self.window, &mut self.probation, &mut self.protected] {
            take(list, node);
        }
    }

    fn held(&self) -> Vec<u32> {
        [&self.window[..], &self.probation, &self.protected].concat()
    }
}
