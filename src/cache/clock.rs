//! CLOCK: FIFO, but an object that was used since it was last looked at gets another round.
//!
//! ```text
//!   request(x):  held? count(x) = min(count(x) + 1, MOST), hit
//!                while no room: oldest has count 0? evict it
//!                               else its count − 1, and it becomes the newest   ("the hand passes it")
//!                x becomes the newest, with count 0
//! ```
//!
//! Source: F. J. Corbató, "A paging experiment with the Multics system", 1968: one reference bit, `MOST` 1.
//! `MOST` 3 (two bits) keeps what is used often for three rounds, and so is nearer to LFU.
//! The same as a circular array in which a new object takes its victim's place: the hand is the seam
//! between the oldest and the newest. Here it is a list, since objects of different sizes do not fit into
//! each other's places.
//! Metadata: a node is a byte and 8 bytes of links. A hit touches the byte alone.

use super::lists::Lists;
use super::{Bounds, Departures, Policy, Sizes};

/// CLOCK with counts up to `MOST`, which is 1 (`clock`) or 3 (`clock-2bit`).
#[derive(Clone, Debug)]
pub struct Clock<const MOST: u8 = 1> {
    capacity: u64,
    used: u64,
    /// 0: not held; else 1 + count.
    marks: Box<[u8]>,
    ring: Lists,
}

impl<const MOST: u8> Clock<MOST> {
    /// Passes with the hand what was used, and takes the first that was not.
    #[inline]
    fn take_victim(&mut self, sizes: &impl Sizes) -> u32 {
        let newest = self.ring.anchor(0);
        loop {
            let oldest = self.ring.oldest(newest);
            let mark = &mut self.marks[oldest as usize];
            *mark -= 1;
            self.ring.take(oldest);
            if *mark == 0 {
                self.used -= sizes.size(oldest);
                return oldest;
            }
            self.ring.insert(newest, oldest);
        }
    }
}

impl<const MOST: u8> Policy for Clock<MOST> {
    const NAME: &'static str = match MOST {
        1 => "clock",
        3 => "clock-2bit",
        _ => panic!("counts of CLOCK have one bit or two: MOST is 1 or 3"),
    };

    fn new(bounds: Bounds) -> Self {
        Clock {
            capacity: bounds.capacity,
            used: 0,
            marks: vec![0; bounds.nodes as usize].into(),
            ring: Lists::new(bounds.nodes, 1),
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
            *mark = (*mark + 1).min(MOST + 1);
            return true;
        }
        let size = sizes.size(node);
        if size > self.capacity {
            departures.evicted(node);
            departures.forgotten(node);
            return false;
        }
        while self.used + size > self.capacity {
            let victim = self.take_victim(sizes);
            departures.evicted(victim);
            departures.forgotten(victim);
        }
        self.marks[node as usize] = 1;
        self.used += size;
        self.ring.insert(self.ring.anchor(0), node);
        false
    }

    fn remove(&mut self, node: u32, sizes: &impl Sizes) -> bool {
        let held = std::mem::take(&mut self.marks[node as usize]) != 0;
        if held {
            self.ring.take(node);
            self.used -= sizes.size(node);
        }
        held
    }

    fn metadata_bytes(&self) -> u64 {
        self.marks.len() as u64 + self.ring.bytes()
    }
}
