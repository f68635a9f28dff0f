//! A bounded cache of values by key, with a replacement policy.
//!
//! Stand-in until the real one comes.
use super::{Bounds, Departures, Policy, Units};
use crate::partition::mum64;
use std::collections::HashMap;

/// What a cache counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Entries that made room.
    pub evictions: u64,
}

/// A bounded cache.
#[derive(Debug)]
pub struct Cache<V, P> {
    index: HashMap<u64, u32>,
    keys: Vec<u64>,
    values: Vec<Option<V>>,
    free: Vec<u32>,
    policy: P,
    capacity: usize,
    len: usize,
    counters: Counters,
}

struct Leaving<'a, V> {
    index: &'a mut HashMap<u64, u32>,
    keys: &'a [u64],
    values: &'a mut [Option<V>],
    free: &'a mut Vec<u32>,
    len: &'a mut usize,
    counters: &'a mut Counters,
}

impl<V> Departures for Leaving<'_, V> {
    fn evicted(&mut self, node: u32) {
        self.values[node as usize] = None;
        *self.len -= 1;
        self.counters.evictions += 1;
    }
    fn forgotten(&mut self, node: u32) {
        self.index.remove(&self.keys[node as usize]);
        self.free.push(node);
    }
}

impl<V, P: Policy> Cache<V, P> {
    /// Room for `capacity`.
    pub fn new(capacity: usize) -> Self {
        let mut bounds = Bounds {
            capacity: capacity as u64,
            nodes: u32::MAX,
        };
        let nodes = capacity as u64 + P::ghosts(bounds) + 1;
        bounds.nodes = nodes as u32;
        Cache {
            index: HashMap::with_capacity(nodes as usize),
            keys: vec![0; nodes as usize],
            values: (0..nodes).map(|_| None).collect(),
            free: (0..nodes as u32).rev().collect(),
            policy: P::new(bounds),
            capacity,
            len: 0,
            counters: Counters::default(),
        }
    }
    /// Entries there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
    /// Entries held.
    pub fn len(&self) -> usize {
        self.len
    }
    /// None held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// What it counted.
    pub fn counters(&self) -> Counters {
        self.counters
    }
    fn request(&mut self, node: u32, key: u64) {
        let mut leaving = Leaving {
            index: &mut self.index,
            keys: &self.keys,
            values: &mut self.values,
            free: &mut self.free,
            len: &mut self.len,
            counters: &mut self.counters,
        };
        self.policy.request(node, mum64(key), &Units, &mut leaving);
    }
    /// The value of `key`.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let node = *self.index.get(&key)?;
        if self.values[node as usize].is_none() {
            return None;
        }
        self.request(node, key);
        self.values[node as usize].as_mut()
    }
    /// Keeps `value`.
    pub fn insert(&mut self, key: u64, value: V) {
        let node = match self.index.get(&key) {
            Some(&node) => node,
            None => {
                let node = self
                    .free
                    .pop()
                    .expect("nodes for all held, remembered and one more");
                self.index.insert(key, node);
                self.keys[node as usize] = key;
                node
            }
        };
        if self.values[node as usize].is_none() {
            self.len += 1;
        }
        self.values[node as usize] = Some(value);
        self.request(node, key);
    }
    /// Drops `key`; whether it was held.
    pub fn invalidate(&mut self, key: u64) -> bool {
        let Some(&node) = self.index.get(&key) else {
            return false;
        };
        let held = self.policy.remove(node, &Units);
        self.values[node as usize] = None;
        self.len -= usize::from(held);
        self.index.remove(&key);
        self.free.push(node);
        held
    }
}
