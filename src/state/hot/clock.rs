//! CLOCK with two bits within a set.
//!
//! ```text
//!   hit:      count[way] = min(count[way] + 1, 3)
//!   insert:   the hand goes round; a count > 0 is decremented, the first 0 leaves;
//!             the new entry takes its place with count 0, the hand goes on behind it
//! ```
//!
//! Source: F. J. Corbató: "A paging experiment with the Multics system", 1968; with counters of two bits.
//!
//! ```text
//!   byte 0        16      20     21                                                    64
//!        ├────────┼───────┼──────┼─────────────────────────────────────────────────────┤
//!        │ 16 tags│ counts│ hand │ spare                                               │
//!        └────────┴───────┴──────┴─────────────────────────────────────────────────────┘
//! ```

use super::counters::Counters;
use super::policy::{ALL, SetPolicy, WAYS};
use bytemuck::{Pod, Zeroable};

/// Metadata of a set under CLOCK.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Clock {
    tags: [u8; WAYS as usize],
    counts: Counters,
    hand: u8,
    spare: [u8; 43],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Clock>() == 64);
    assert!(offset_of!(Clock, counts) == 16);
    assert!(offset_of!(Clock, hand) == 20);
};

impl SetPolicy for Clock {
    const NAME: &'static str = "clock";

    fn empty() -> Self {
        Self::zeroed()
    }

    #[inline(always)]
    fn tags(&self) -> &[u8; WAYS as usize] {
        &self.tags
    }

    #[inline(always)]
    fn tags_mut(&mut self) -> &mut [u8; WAYS as usize] {
        &mut self.tags
    }

    #[inline(always)]
    fn hit(&mut self, way: u32) {
        self.counts.count(way);
    }

    fn fill(&mut self, _: u64, free: u16) -> u32 {
        let way = free.trailing_zeros();
        self.counts.clear(way);
        way
    }

    #[inline(always)]
    fn replace(&mut self, _: u64, _: impl Fn(u32) -> u64) -> u32 {
        let way = self.counts.sweep(ALL, u32::from(self.hand));
        self.hand = ((way + 1) % WAYS) as u8;
        way
    }

    #[inline(always)]
    fn victim(&self, _: u64) -> u32 {
        self.counts.swept(ALL, u32::from(self.hand))
    }

    #[inline(always)]
    fn remove(&mut self, way: u32) {
        self.counts.clear(way);
    }
}
