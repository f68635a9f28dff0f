//! LFU: the object that was used least often since it came goes first; of several, the one that reached
//! that count first.
//!
//! ```text
//!   request(x):  held? count(x) + 1, x becomes the newest of those with that count, hit
//!                while no room: evict the oldest of those with the lowest count
//!                count(x) = 1
//!
//!   buckets, by count:   anchor ─► 1: x y z ─► 2: w ─► 17: v ─► anchor      each: the list of its objects
//! ```
//!
//! Source: the buckets are those of K. Shah, A. Mitra, D. Matani, "An O(1) algorithm for implementing the
//! LFU cache eviction scheme", 2010. Forgets the counts of what leaves, and never ages those of what stays.
//! Metadata: a node is 12 bytes, a bucket 24; there are never more buckets than objects held, plus one.

use super::lists::Lists;
use super::{Bounds, Departures, Policy, Sizes};

/// No bucket: the node is not held.
const NONE: u32 = u32::MAX;

/// Least frequently used, by counts of the time in the cache.
#[derive(Clone, Debug)]
pub struct Lfu {
    capacity: u64,
    used: u64,
    /// The bucket of each node.
    bucket: Box<[u32]>,
    /// List `b` is the objects of bucket `b`.
    objects: Lists,
    /// Uses of each object in a bucket.
    counts: Box<[u64]>,
    /// List 0: the buckets in use, the highest count at the "oldest" end. List 1: the others.
    buckets: Lists,
}

impl Lfu {
    /// Where the buckets in use begin.
    #[inline(always)]
    fn lowest(&self) -> u32 {
        self.buckets.anchor(0)
    }

    /// Puts `node`, which is in no bucket, into the one of `count`, which comes right after `before` or is
    /// made there.
    #[inline(always)]
    fn put(&mut self, node: u32, before: u32, count: u64) {
        let mut next = self.buckets.older(before);
        if next == self.lowest() || self.counts[next as usize] != count {
            next = self.buckets.oldest(self.buckets.anchor(1));
            self.buckets.take(next);
            self.buckets.insert(before, next);
            self.counts[next as usize] = count;
        }
        self.bucket[node as usize] = next;
        self.objects.insert(self.objects.anchor(next), node);
    }

    /// Gives `bucket` back if it is empty.
    #[inline(always)]
    fn retire(&mut self, bucket: u32) {
        if self.objects.is_empty(self.objects.anchor(bucket)) {
            self.buckets.take(bucket);
            self.buckets.insert(self.buckets.anchor(1), bucket);
        }
    }

    /// Takes `node`, which is held, out.
    #[inline(always)]
    fn take(&mut self, node: u32, sizes: &impl Sizes) {
        let bucket = std::mem::replace(&mut self.bucket[node as usize], NONE);
        self.objects.take(node);
        self.retire(bucket);
        self.used -= sizes.size(node);
    }

    /// One more use of `node`, which is in `bucket`.
    #[inline(always)]
    fn count(&mut self, node: u32, bucket: u32) {
        let count = self.counts[bucket as usize] + 1;
        let next = self.buckets.older(bucket);
        let alone = self.objects.newer(node) == self.objects.older(node);
        if alone && (next == self.lowest() || self.counts[next as usize] != count) {
            self.counts[bucket as usize] = count;
            return;
        }
        self.objects.take(node);
        self.put(node, bucket, count);
        self.retire(bucket);
    }
}

impl Policy for Lfu {
    const NAME: &'static str = "lfu";

    fn new(bounds: Bounds) -> Self {
        let most = bounds.capacity.min(u64::from(bounds.nodes)) as u32;
        let count = most.saturating_add(1);
        let mut buckets = Lists::new(count, 2);
        for bucket in 0..count {
            buckets.insert(buckets.anchor(1), bucket);
        }
        Lfu {
            capacity: bounds.capacity,
            used: 0,
            bucket: vec![NONE; bounds.nodes as usize].into(),
            objects: Lists::new(bounds.nodes, count),
            counts: vec![0; count as usize].into(),
            buckets,
        }
    }

    fn ghosts(_: Bounds) -> u64 {
        0
    }

    #[inline]
    fn request(
        &mut self,
        node: u32,
        _: u64,
        sizes: &impl Sizes,
        departures: &mut impl Departures,
    ) -> bool {
        let bucket = self.bucket[node as usize];
        if bucket != NONE {
            self.count(node, bucket);
            return true;
        }
        let size = sizes.size(node);
        if size > self.capacity {
            departures.evicted(node);
            departures.forgotten(node);
            return false;
        }
        while self.used + size > self.capacity {
            let lowest = self.buckets.older(self.lowest());
            let victim = self.objects.oldest(self.objects.anchor(lowest));
            self.take(victim, sizes);
            departures.evicted(victim);
            departures.forgotten(victim);
        }
        self.used += size;
        self.put(node, self.lowest(), 1);
        false
    }

    fn remove(&mut self, node: u32, sizes: &impl Sizes) -> bool {
        let held = self.bucket[node as usize] != NONE;
        if held {
            self.take(node, sizes);
        }
        held
    }

    fn metadata_bytes(&self) -> u64 {
        let (nodes, counts) = (self.bucket.len() * 4, self.counts.len() * 8);
        (nodes + counts) as u64 + self.objects.bytes() + self.buckets.bytes()
    }
}
