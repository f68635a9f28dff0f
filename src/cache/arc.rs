//! ARC: two LRU lists, of what was used once and of what was used again, whose shares follow their ghosts.
//!
//! ```text
//!            ◄───────── L1: used once ─────────►   ◄──────── L2: used again ────────►
//!   forgotten ◄─ ghosts B1 ◄─ T1 ◄─ new                used again ─► T2 ─► ghosts B2 ─► forgotten
//!
//!   request(x):  in T1 or T2?  x becomes the newest of T2, hit
//!                in B1?        p += max(|B2| / |B1|, 1), at most C;   replace;  newest of T2
//!                in B2?        p −= max(|B1| / |B2|, 1), at least 0;  replace;  newest of T2
//!                else          |L1| = C?         forget the oldest of B1, or if there is none, of T1
//!                              |L1| + |L2| = 2C? forget the oldest of B2
//!                              replace;  newest of T1
//!   replace, while no room:    |T1| > p, or |T1| = p and x is from B2?  oldest of T1 to B1
//!                              else                                     oldest of T2 to B2
//! ```
//!
//! Source: N. Megiddo, D. S. Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003, figure
//! 4, with p a real number. With sizes, lengths are sums of sizes, and p moves by the size of x times that.
//! Metadata: a node is a byte and 8 bytes of links, and there are nodes for as many ghosts as objects held:
//! 18 bytes for an object held.

use super::lists::Lists;
use super::{Bounds, Departures, Policy, Sizes};

/// Numbers of lists, and places of nodes.
const T1: u8 = 0;
const T2: u8 = 1;
const B1: u8 = 2;
const B2: u8 = 3;
const NOWHERE: u8 = 4;

/// Adaptive replacement cache.
#[derive(Clone, Debug)]
pub struct Arc {
    capacity: u64,
    /// What T1 is to have.
    p: f64,
    used: [u64; 4],
    place: Box<[u8]>,
    lists: Lists,
}

impl Arc {
    #[inline(always)]
    fn put(&mut self, list: u8, node: u32, size: u64) {
        self.place[node as usize] = list;
        self.lists.insert(self.lists.anchor(list.into()), node);
        self.used[list as usize] += size;
    }

    #[inline(always)]
    fn take(&mut self, list: u8, node: u32, size: u64) {
        self.place[node as usize] = NOWHERE;
        self.lists.take(node);
        self.used[list as usize] -= size;
    }

    /// Takes the oldest of `list`, which is not empty.
    #[inline(always)]
    fn take_oldest(&mut self, list: u8, sizes: &impl Sizes) -> u32 {
        let oldest = self.lists.oldest(self.lists.anchor(list.into()));
        self.take(list, oldest, sizes.size(oldest));
        oldest
    }

    #[inline(always)]
    fn used(&self, list: u8) -> u64 {
        self.used[list as usize]
    }

    /// Makes room for `size`.
    #[inline(always)]
    fn replace(
        &mut self,
        size: u64,
        from_b2: bool,
        sizes: &impl Sizes,
        departures: &mut impl Departures,
    ) {
        while self.used(T1) + self.used(T2) + size > self.capacity {
            let t1 = self.used(T1) as f64;
            let once = self.used(T1) > 0 && (t1 > self.p || (from_b2 && t1 == self.p));
            let (list, ghosts) = if once || self.used(T2) == 0 {
                (T1, B1)
            } else {
                (T2, B2)
            };
            let victim = self.take_oldest(list, sizes);
            self.put(ghosts, victim, sizes.size(victim));
            departures.evicted(victim);
        }
    }

    /// Moves `p` towards the list whose ghost of `size` was asked for.
    #[inline(always)]
    fn adapt(&mut self, place: u8, size: u64) {
        let (b1, b2) = (self.used(B1) as f64, self.used(B2) as f64);
        self.p = if place == B1 {
            (self.p + (b2 / b1).max(1.0) * size as f64).min(self.capacity as f64)
        } else {
            (self.p - (b1 / b2).max(1.0) * size as f64).max(0.0)
        };
    }

    /// Forgets so much that a new object of `size` may come: |L1| ≤ C, and |L1| + |L2| ≤ 2C.
    #[inline(always)]
    fn forget(&mut self, size: u64, sizes: &impl Sizes, departures: &mut impl Departures) {
        while self.used(T1) + self.used(B1) + size > self.capacity {
            if self.used(B1) > 0 {
                let ghost = self.take_oldest(B1, sizes);
                departures.forgotten(ghost);
            } else {
                let victim = self.take_oldest(T1, sizes);
                departures.evicted(victim);
                departures.forgotten(victim);
            }
        }
        while self.used.iter().sum::<u64>() + size > 2 * self.capacity {
            let ghost = self.take_oldest(B2, sizes);
            departures.forgotten(ghost);
        }
    }
}

impl Policy for Arc {
    const NAME: &'static str = "arc";

    fn new(bounds: Bounds) -> Self {
        Arc {
            capacity: bounds.capacity,
            p: 0.0,
            used: [0; 4],
            place: vec![NOWHERE; bounds.nodes as usize].into(),
            lists: Lists::new(bounds.nodes, 4),
        }
    }

    fn ghosts(bounds: Bounds) -> u64 {
        bounds.capacity
    }

    #[inline]
    fn request(
        &mut self,
        node: u32,
        _: u64,
        sizes: &impl Sizes,
        departures: &mut impl Departures,
    ) -> bool {
        let place = self.place[node as usize];
        let size = sizes.size(node);
        match place {
            T1 | T2 => {
                self.take(place, node, size);
                self.put(T2, node, size);
                return true;
            }
            B1 | B2 => {
                self.adapt(place, size);
                self.take(place, node, size);
                self.replace(size, place == B2, sizes, departures);
                self.put(T2, node, size);
            }
            _ if size > self.capacity => {
                departures.evicted(node);
                departures.forgotten(node);
            }
            _ => {
                self.forget(size, sizes, departures);
                self.replace(size, false, sizes, departures);
                self.put(T1, node, size);
            }
        }
        false
    }

    fn remove(&mut self, node: u32, sizes: &impl Sizes) -> bool {
        let place = self.place[node as usize];
        if place != NOWHERE {
            self.take(place, node, sizes.size(node));
        }
        place <= T2
    }

    fn metadata_bytes(&self) -> u64 {
        self.place.len() as u64 + self.lists.bytes()
    }
}
