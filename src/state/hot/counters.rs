//! Sixteen two-bit counters in four bytes, one for each way of a set.
//!
//! ```text
//!   way      15 14 13 … 1 0
//!   low     │ 1  0  1 … 0 1│   bit planes: the counter of way w is 2·high[w] + low[w], so that what
//!   high    │ 0  0  1 … 0 1│   CLOCK does to a range of ways is two instructions, not a loop
//! ```
//!
//! Owned by a set's metadata line.

use super::policy::WAYS;
use bytemuck::{Pod, Zeroable};

/// The counters of a set.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct Counters {
    low: u16,
    high: u16,
}

const _: () = assert!(size_of::<Counters>() == 4);

impl Counters {
    #[cfg(test)]
    pub(super) fn of(self, way: u32) -> u8 {
        (self.low >> way & 1) as u8 + 2 * (self.high >> way & 1) as u8
    }

    /// Ways whose counter is not 0.
    #[inline(always)]
    pub(super) fn one_or_more(self) -> u16 {
        self.low | self.high
    }

    /// One more for `way`, 3 at the most.
    #[inline(always)]
    pub(super) fn count(&mut self, way: u32) {
        let bit = (1u16 << way) & !(self.low & self.high);
        self.high ^= bit & self.low;
        self.low ^= bit;
    }

    /// 0 for `way`.
    #[inline(always)]
    pub(super) fn clear(&mut self, way: u32) {
        self.low &= !(1 << way);
        self.high &= !(1 << way);
    }

    /// One less for `ways`, none of which may be 0.
    #[inline(always)]
    fn decrement(&mut self, ways: u16) {
        debug_assert_eq!(self.one_or_more() & ways, ways);
        self.high ^= ways & !self.low;
        self.low ^= ways;
    }

    /// The CLOCK hand goes round `ways` from `hand`, taking one off each counter it passes, up to the first
    /// that is 0 already; returns that way. `ways` must not be empty. At most three rounds.
    #[inline(always)]
    pub(super) fn sweep(&mut self, ways: u16, hand: u32) -> u32 {
        let mut zero = ways & !self.one_or_more();
        while zero == 0 {
            self.decrement(ways);
            zero = ways & !self.one_or_more();
        }
        let passed = zero.rotate_right(hand).trailing_zeros();
        let range = ((1u32 << passed) - 1) as u16;
        self.decrement(range.rotate_left(hand) & ways);
        (hand + passed) % WAYS
    }

    /// Where [`Counters::sweep`] would stop.
    #[inline(always)]
    pub(super) fn swept(mut self, ways: u16, hand: u32) -> u32 {
        self.sweep(ways, hand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sweeps_and_counts_as_sixteen_plain_counters_do(
            steps in proptest::collection::vec((0u32..16, 0u8..4, any::<u16>()), 1..200)
        ) {
            let (mut counters, mut plain) = (Counters::default(), [0u8; 16]);
            for (way, what, ways) in steps {
                match what {
                    0 | 1 => {
                        counters.count(way);
                        plain[way as usize] = (plain[way as usize] + 1).min(3);
                    }
                    2 => {
                        counters.clear(way);
                        plain[way as usize] = 0;
                    }
                    _ if ways != 0 => {
                        let mut at = way as usize;
                        while ways >> at & 1 == 0 || plain[at] > 0 {
                            plain[at] -= (ways >> at & 1) as u8;
                            at = (at + 1) % 16;
                        }
                        prop_assert_eq!(counters.swept(ways, way), at as u32);
                        prop_assert_eq!(counters.sweep(ways, way), at as u32);
                    }
                    _ => {}
                }
                for (way, count) in plain.iter().enumerate() {
                    prop_assert_eq!(counters.of(way as u32), *count);
                    prop_assert_eq!(counters.one_or_more() >> way & 1, u16::from(*count >= 1));
                }
            }
        }
    }
}
