//! W-TinyLFU: what comes must have been seen more often than what goes, or it goes itself.
//!
//! ```text
//!   new ─► window: LRU, 1 % ──seen more often than the oldest of probation?──► probation ─used─► protected
//!                                                 └─ no ─► gone                20 % of main ◄───  80 %
//!                                                                                        full
//!   request(x):  in main?    see x; it becomes the newest of protected, hit
//!                in window?  it becomes the newest there, hit
//!                while no room:
//!                  w = oldest of window; m = oldest of probation, or if that is empty, of protected
//!                  main has room for w?  w goes to main
//!                  w was seen more often than m?  evict m, w goes to main
//!                  else evict w
//!                  see w
//!                x becomes the newest of window; see x
//!   after 32 × |main| hits in main, the counts of all halve
//! ```
//!
//! Source: G. Einziger, R. Friedman, B. Manes, "TinyLFU: a highly efficient cache admission policy", ACM ToS
//! 13(4), 2017. What that leaves open is as in libCacheSim: when something is seen, the filter that counts
//! (see [`sketch`](super::sketch)), the order of filling main (probation, protected), and that a queue of
//! probation over its share evicts at once. Given the same hashes it makes the same decisions.
//! Metadata: a node is a byte, 8 bytes of links and 8 of its hash; 29 bytes of counters for an object held.

use super::lists::Lists;
use super::sketch::Sketch;
use super::{Bounds, Departures, Policy, Sizes};

/// Numbers of lists, and places of nodes.
const PROBATION: u8 = 0;
const PROTECTED: u8 = 1;
const WINDOW: u8 = 2;
const NOWHERE: u8 = 3;

/// Hits in main for each of its objects until counts halve.
const SAMPLE: u64 = 32;

/// W-TinyLFU.
#[derive(Clone, Debug)]
pub struct WTinyLfu {
    capacity: u64,
    main_share: u64,
    /// Shares of probation and protected.
    shares: [u64; 2],
    used: [u64; 3],
    place: Box<[u8]>,
    hashes: Box<[u64]>,
    lists: Lists,
    seen: Sketch,
    /// Until counts halve.
    hits_left: u64,
}

impl WTinyLfu {
    #[inline(always)]
    fn oldest(&self, list: u8) -> u32 {
        self.lists.oldest(self.lists.anchor(list.into()))
    }

    #[inline(always)]
    fn put(&mut self, list: u8, node: u32, size: u64) {
        self.place[node as usize] = list;
        self.lists.insert(self.lists.anchor(list.into()), node);
        self.used[list as usize] += size;
    }

    #[inline(always)]
    fn take(&mut self, node: u32, size: u64) {
        let list = std::mem::replace(&mut self.place[node as usize], NOWHERE);
        self.lists.take(node);
        self.used[list as usize] -= size;
    }

    #[inline(always)]
    fn main_used(&self) -> u64 {
        self.used[PROBATION as usize] + self.used[PROTECTED as usize]
    }

    #[inline(always)]
    fn is_over(&self, list: u8) -> bool {
        self.used[list as usize] > self.shares[list as usize]
    }

    /// What main would lose first. It holds something.
    #[inline(always)]
    fn main_victim(&self) -> u32 {
        let lowest = if self.used[PROBATION as usize] > 0 {
            PROBATION
        } else {
            PROTECTED
        };
        self.oldest(lowest)
    }

    #[inline(always)]
    fn evict(&mut self, node: u32, sizes: &impl Sizes, departures: &mut impl Departures) {
        self.take(node, sizes.size(node));
        departures.evicted(node);
        departures.forgotten(node);
    }

    /// A hit in main.
    #[inline(always)]
    fn promote(&mut self, node: u32, sizes: &impl Sizes, departures: &mut impl Departures) {
        let size = sizes.size(node);
        self.take(node, size);
        self.put(PROTECTED, node, size);
        while self.is_over(PROTECTED) {
            let oldest = self.oldest(PROTECTED);
            let size = sizes.size(oldest);
            self.take(oldest, size);
            self.put(PROBATION, oldest, size);
            while self.is_over(PROBATION) {
                let victim = self.main_victim();
                if victim == node {
                    // Larger than its share, which a tiny cache's may be: a hit does not cost the object.
                    break;
                }
                self.evict(victim, sizes, departures);
            }
        }
        self.seen.add(self.seen.spot(self.hashes[node as usize]));
        self.hits_left -= 1;
        if self.hits_left == 0 {
            self.hits_left = self.main_share.saturating_mul(SAMPLE);
            self.seen.halve();
        }
    }

    /// Moves `node` from the window to main, which has room for it.
    #[inline(always)]
    fn admit(&mut self, node: u32, size: u64) {
        self.take(node, size);
        let fits = |list: u8| self.used[list as usize] + size <= self.shares[list as usize];
        let protected = !fits(PROBATION) && fits(PROTECTED);
        self.put(if protected { PROTECTED } else { PROBATION }, node, size);
    }

    /// Moves the oldest of the window to main, or evicts it, or makes room for it there.
    #[inline(always)]
    fn contend(&mut self, sizes: &impl Sizes, departures: &mut impl Departures) {
        let candidate = self.oldest(WINDOW);
        let size = sizes.size(candidate);
        let spot = self.seen.spot(self.hashes[candidate as usize]);
        if size > self.main_share {
            self.evict(candidate, sizes, departures);
        } else if self.main_used() + size <= self.main_share {
            self.admit(candidate, size);
        } else {
            let victim = self.main_victim();
            let rival = self.seen.spot(self.hashes[victim as usize]);
            if self.seen.estimate(spot) > self.seen.estimate(rival) {
                while self.main_used() + size > self.main_share {
                    let victim = self.main_victim();
                    self.evict(victim, sizes, departures);
                }
                self.admit(candidate, size);
            } else {
                self.evict(candidate, sizes, departures);
            }
        }
        self.seen.add(spot);
    }
}

impl Policy for WTinyLfu {
    const NAME: &'static str = "w-tinylfu";

    fn new(bounds: Bounds) -> Self {
        let window = ((bounds.capacity as f64 * 0.01) as u64).max(1);
        let main = bounds.capacity - window;
        let share = |parts: f64| (parts / 5.0 * main as f64) as u64;
        WTinyLfu {
            capacity: bounds.capacity,
            main_share: main,
            shares: [share(1.0), share(4.0)],
            used: [0; 3],
            place: vec![NOWHERE; bounds.nodes as usize].into(),
            hashes: vec![0; bounds.nodes as usize].into(),
            lists: Lists::new(bounds.nodes, 3),
            seen: Sketch::new(main.min(bounds.nodes.into())),
            hits_left: main.saturating_mul(SAMPLE),
        }
    }

    fn ghosts(_: Bounds) -> u64 {
        0
    }

    #[inline]
    fn request(
        &mut self,
        node: u32,
        hash: u64,
        sizes: &impl Sizes,
        departures: &mut impl Departures,
    ) -> bool {
        match self.place[node as usize] {
            PROBATION | PROTECTED => {
                self.promote(node, sizes, departures);
                return true;
            }
            WINDOW => {
                self.lists.take(node);
                let newest = self.lists.anchor(WINDOW.into());
                self.lists.insert(newest, node);
                return true;
            }
            _ => {}
        }
        let size = sizes.size(node);
        if size > self.capacity {
            departures.evicted(node);
            departures.forgotten(node);
            return false;
        }
        while self.main_used() + self.used[WINDOW as usize] + size > self.capacity {
            if self.used[WINDOW as usize] > 0 {
                self.contend(sizes, departures);
            } else {
                let victim = self.main_victim();
                self.evict(victim, sizes, departures);
            }
        }
        self.hashes[node as usize] = hash;
        self.put(WINDOW, node, size);
        self.seen.add(self.seen.spot(hash));
        false
    }

    fn remove(&mut self, node: u32, sizes: &impl Sizes) -> bool {
        let held = self.place[node as usize] != NOWHERE;
        if held {
            self.take(node, sizes.size(node));
        }
        held
    }

    fn metadata_bytes(&self) -> u64 {
        let nodes = self.place.len() as u64 + size_of_val::<[u64]>(&self.hashes) as u64;
        nodes + self.lists.bytes() + self.seen.bytes()
    }
}
