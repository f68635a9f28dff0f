//! S3-FIFO: most objects are used once, so a small queue sees them off before they reach the main one.
//!
//! ```text
//!   request(x):  held?  count(x) = min(count(x) + 1, 3), hit
//!                remembered? forget it, and x is for main
//!                while no room:
//!                  main is above its share, or small is empty?
//!                    oldest of main:  count > 0? count − 1, newest of main;  else evict
//!                  else, until one is evicted or small is empty:
//!                    oldest of small: count ≥ 2? count = 0, newest of main;  else evict and remember
//!                x, with count 0, becomes the newest of main if it is for main, else of small
//!
//!   new ─► small: 10 % ──used twice──► main: 90 %, a CLOCK of two bits ──► gone
//!             └──► ghosts: as many as fit into 90 % ──asked for again──► main
//! ```
//!
//! Source: J. Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023. `FILL` is the one
//! rule that libCacheSim has since added: until something is evicted for the first time, what finds small
//! full goes to main (`s3-fifo`); `s3-fifo-v0` does without.
//! Metadata: a node is a byte and 8 bytes of links, and there are nodes for the ghosts: 17 bytes for an
//! object held. A hit touches the byte alone.

use super::lists::Lists;
use super::{Bounds, Departures, Policy, Sizes};

/// The queues: numbers of lists, and places of nodes.
const SMALL: u8 = 0;
const MAIN: u8 = 1;
const GHOST: u8 = 2;
const NOWHERE: u8 = 3;
/// The place is in the low two bits of a mark, the count in the two above.
const PLACE: u8 = 3;
const ONE: u8 = 4;
/// As a mark without its place, the highest count and the one that leads from small to main.
const MOST: u8 = 3 * ONE;
const ENOUGH: u8 = 2 * ONE;

/// S3-FIFO; with `FILL`, a cache that is not full yet takes into main what small has no room for.
#[derive(Clone, Debug)]
pub struct S3Fifo<const FILL: bool = true> {
    capacity: u64,
    /// Shares of the capacity: of small, main, and what ghosts would take up.
    shares: [u64; 3],
    used: [u64; 3],
    marks: Box<[u8]>,
    queues: Lists,
    evicting: bool,
}

/// Shares of small, main and ghosts.
fn shares(capacity: u64) -> [u64; 3] {
    // ⌊C / 10⌋ and ⌊9 C / 10⌋ without overflow.
    let (tens, rest) = (capacity / 10, capacity % 10);
    let small = tens.max(1);
    [small, capacity - small, (9 * tens + 9 * rest / 10).max(1)]
}

impl<const FILL: bool> S3Fifo<FILL> {
    #[inline(always)]
    fn oldest(&self, queue: u8) -> u32 {
        self.queues.oldest(self.queues.anchor(queue.into()))
    }

    #[inline(always)]
    fn is_empty(&self, queue: u8) -> bool {
        self.queues.is_empty(self.queues.anchor(queue.into()))
    }

    #[inline(always)]
    fn put(&mut self, queue: u8, mark: u8, node: u32, size: u64) {
        self.marks[node as usize] = queue | mark;
        self.queues.insert(self.queues.anchor(queue.into()), node);
        self.used[queue as usize] += size;
    }

    #[inline(always)]
    fn take(&mut self, queue: u8, node: u32, size: u64) {
        self.queues.take(node);
        self.used[queue as usize] -= size;
    }

    #[inline]
    fn evict(&mut self, sizes: &impl Sizes, departures: &mut impl Departures) {
        self.evicting = true;
        if self.used[MAIN as usize] > self.shares[MAIN as usize] || self.is_empty(SMALL) {
            self.evict_from_main(sizes, departures);
        } else {
            self.evict_from_small(sizes, departures);
        }
    }

    #[inline]
    fn evict_from_main(&mut self, sizes: &impl Sizes, departures: &mut impl Departures) {
        loop {
            let node = self.oldest(MAIN);
            self.queues.take(node);
            let count = self.marks[node as usize] & !PLACE;
            if count == 0 {
                self.used[MAIN as usize] -= sizes.size(node);
                self.marks[node as usize] = NOWHERE;
                departures.evicted(node);
                departures.forgotten(node);
                return;
            }
            self.marks[node as usize] -= ONE;
            self.queues.insert(self.queues.anchor(MAIN.into()), node);
        }
    }

    #[inline]
    fn evict_from_small(&mut self, sizes: &impl Sizes, departures: &mut impl Departures) {
        while !self.is_empty(SMALL) {
            let node = self.oldest(SMALL);
            let size = sizes.size(node);
            self.take(SMALL, node, size);
            if self.marks[node as usize] & !PLACE >= ENOUGH {
                self.put(MAIN, 0, node, size);
                continue;
            }
            departures.evicted(node);
            self.remember(node, size, sizes, departures);
            return;
        }
    }

    /// Makes `node`, which was evicted, the newest ghost, where it is not too large for that.
    #[inline(always)]
    fn remember(
        &mut self,
        node: u32,
        size: u64,
        sizes: &impl Sizes,
        departures: &mut impl Departures,
    ) {
        let share = self.shares[GHOST as usize];
        if size > share {
            self.marks[node as usize] = NOWHERE;
            departures.forgotten(node);
            return;
        }
        while self.used[GHOST as usize] + size > share {
            let ghost = self.oldest(GHOST);
            self.take(GHOST, ghost, sizes.size(ghost));
            self.marks[ghost as usize] = NOWHERE;
            departures.forgotten(ghost);
        }
        self.put(GHOST, 0, node, size);
    }
}

impl<const FILL: bool> Policy for S3Fifo<FILL> {
    const NAME: &'static str = if FILL { "s3-fifo" } else { "s3-fifo-v0" };

    fn new(bounds: Bounds) -> Self {
        S3Fifo {
            capacity: bounds.capacity,
            shares: shares(bounds.capacity),
            used: [0; 3],
            marks: vec![NOWHERE; bounds.nodes as usize].into(),
            queues: Lists::new(bounds.nodes, 3),
            evicting: false,
        }
    }

    fn ghosts(bounds: Bounds) -> u64 {
        shares(bounds.capacity)[GHOST as usize]
    }

    #[inline]
    fn request(
        &mut self,
        node: u32,
        _: u64,
        sizes: &impl Sizes,
        departures: &mut impl Departures,
    ) -> bool {
        let mark = &mut self.marks[node as usize];
        if *mark & PLACE <= MAIN {
            *mark = if *mark < MOST { *mark + ONE } else { *mark };
            return true;
        }
        let remembered = *mark & PLACE == GHOST;
        let size = sizes.size(node);
        if size > self.capacity {
            departures.evicted(node);
            departures.forgotten(node);
            return false;
        }
        if remembered {
            self.take(GHOST, node, size);
        }
        while self.used[SMALL as usize] + self.used[MAIN as usize] + size > self.capacity {
            self.evict(sizes, departures);
        }
        let small_is_full = self.used[SMALL as usize] >= self.shares[SMALL as usize];
        let to_main = remembered || (FILL && !self.evicting && small_is_full);
        self.put(if to_main { MAIN } else { SMALL }, 0, node, size);
        false
    }

    fn remove(&mut self, node: u32, sizes: &impl Sizes) -> bool {
        let place = self.marks[node as usize] & PLACE;
        if place != NOWHERE {
            self.take(place, node, sizes.size(node));
            self.marks[node as usize] = NOWHERE;
        }
        place <= MAIN
    }

    fn metadata_bytes(&self) -> u64 {
        self.marks.len() as u64 + self.queues.bytes()
    }
}
