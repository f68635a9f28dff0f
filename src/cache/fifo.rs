//! FIFO: the object that came first goes first.
//!
//! ```text
//!   request(x):  held? hit
//!                while no room: evict the head of the queue
//!                x goes to the tail of the queue
//! ```
//!
//! Metadata: a bit for each node, and a ring of four bytes for each object that can be held.

use super::{Bounds, Departures, Policy, Sizes};
use std::collections::VecDeque;

/// First in, first out.
#[derive(Clone, Debug)]
pub struct Fifo {
    capacity: u64,
    used: u64,
    held: Vec<u64>,
    queue: VecDeque<u32>,
}

impl Policy for Fifo {
    const NAME: &'static str = "fifo";

    fn new(bounds: Bounds) -> Self {
        let most = bounds.capacity.min(u64::from(bounds.nodes)) as usize;
        Fifo {
            capacity: bounds.capacity,
            used: 0,
            held: vec![0; (bounds.nodes as usize).div_ceil(64)],
            queue: VecDeque::with_capacity(most),
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
        let (word, bit) = (node as usize / 64, 1 << (node % 64));
        if self.held[word] & bit != 0 {
            return true;
        }
        let size = sizes.size(node);
        if size > self.capacity {
            departures.evicted(node);
            departures.forgotten(node);
            return false;
        }
        while self.used + size > self.capacity {
            let Some(first) = self.queue.pop_front() else {
                break;
            };
            self.held[first as usize / 64] &= !(1 << (first % 64));
            self.used -= sizes.size(first);
            departures.evicted(first);
            departures.forgotten(first);
        }
        self.held[word] |= bit;
        self.used += size;
        self.queue.push_back(node);
        false
    }

    fn metadata_bytes(&self) -> u64 {
        (self.held.len() * 8 + self.queue.capacity() * 4) as u64
    }
}
