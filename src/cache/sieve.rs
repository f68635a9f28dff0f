//! SIEVE: CLOCK whose objects stay where they are, so that the hand sifts the new ones more often.
//!
//! ```text
//!   request(x):  held? mark x as visited, hit
//!                while no room: the hand goes from old to new (and on from the oldest);
//!                               visited? unmark, go on; else evict, and stop at the next newer
//!                x becomes the newest, not visited
//! ```
//!
//! Source: Y. Zhang et al., "SIEVE is simpler than LRU", NSDI 2024. Weak on loops and scans that come back.
//! Metadata: a node is a byte and 8 bytes of links. A hit touches the byte alone.

use super::lists::Lists;
use super::{Bounds, Departures, Policy, Sizes};

const HELD: u8 = 1;
const VISITED: u8 = 2;

/// SIEVE.
#[derive(Clone, Debug)]
pub struct Sieve {
    capacity: u64,
    used: u64,
    /// [`HELD`] and [`VISITED`].
    marks: Box<[u8]>,
    queue: Lists,
    /// What is looked at next; the anchor: the oldest.
    hand: u32,
}

impl Sieve {
    /// Takes `node`, which is held, out; a hand on it goes on.
    #[inline(always)]
    fn take(&mut self, node: u32, sizes: &impl Sizes) {
        if self.hand == node {
            self.hand = self.queue.newer(node);
        }
        self.queue.take(node);
        self.marks[node as usize] = 0;
        self.used -= sizes.size(node);
    }

    /// Moves the hand to the first that was not visited. At least one object is held.
    #[inline(always)]
    fn sift(&mut self) -> u32 {
        let anchor = self.queue.anchor(0);
        let mut at = self.hand;
        loop {
            if at == anchor {
                at = self.queue.oldest(anchor);
            }
            let mark = &mut self.marks[at as usize];
            if *mark & VISITED == 0 {
                self.hand = at;
                return at;
            }
            *mark = HELD;
            at = self.queue.newer(at);
        }
    }
}

impl Policy for Sieve {
    const NAME: &'static str = "sieve";

    fn new(bounds: Bounds) -> Self {
        let queue = Lists::new(bounds.nodes, 1);
        Sieve {
            capacity: bounds.capacity,
            used: 0,
            marks: vec![0; bounds.nodes as usize].into(),
            hand: queue.anchor(0),
            queue,
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
        let mark = &mut self.marks[node as usize];
        if *mark != 0 {
            *mark = HELD | VISITED;
            return true;
        }
        let size = sizes.size(node);
        if size > self.capacity {
            departures.evicted(node);
            departures.forgotten(node);
            return false;
        }
        while self.used + size > self.capacity {
            let victim = self.sift();
            self.take(victim, sizes);
            departures.evicted(victim);
            departures.forgotten(victim);
        }
        self.marks[node as usize] = HELD;
        self.used += size;
        self.queue.insert(self.queue.anchor(0), node);
        false
    }

    fn remove(&mut self, node: u32, sizes: &impl Sizes) -> bool {
        let held = self.marks[node as usize] != 0;
        if held {
            self.take(node, sizes);
        }
        held
    }

    fn metadata_bytes(&self) -> u64 {
        self.marks.len() as u64 + self.queue.bytes()
    }
}
