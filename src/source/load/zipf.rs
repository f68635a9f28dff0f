//! Zipf-distributed ranks: `P(k) ∝ 1 / (k + 1)^s` for `k` in `0..n`, for any `s ≥ 0` and any `n`.
//!
//! The plain algorithm sums the shares and looks a random number up in the sums: exact, but 8 bytes a
//! rank and a binary search a draw. This one keeps a few hundred blocks, in the first-level cache, and
//! needs no sum at all:
//!
//! ```text
//!   rank   0 1 2 3 … 31 │ 32 │ 33 │ …  │ 64 65 │ 66 67 │ …      │ 4096 … 4223 │ …
//!          one block each, p(k)         a block spans 1/32 of where it begins
//!                                       envelope: length × p(first), a step above the curve
//!   1. draw a block by the mass of its envelope         (alias table: one load, no search)
//!   2. draw a rank evenly within the block              (a block of one rank: done)
//!   3. keep it with probability p(rank) / p(first), else begin again
//! ```
//!
//! Kept ranks are distributed exactly as `p`. Step 3 seldom has to compute a power: as `p` falls, a
//! draw below `p(last) / p(first)` keeps any rank of the block, which is all but about `s/32` of draws.
//! Sources: composition and rejection with a squeeze, L. Devroye, "Non-Uniform Random Variate
//! Generation", Springer 1986, II.3 and II.4; alias table, A. J. Walker, ACM TOMS 3(3), 1977, built as
//! M. D. Vose, IEEE TSE 17(9), 1991. Rejection-inversion (Hörmann and Derflinger, ACM TOMACS 6(3),
//! 1996; `rand_distr::Zipf` is close to it) needs powers in every draw: 7 ns a draw here against 130 to 150 ns
//! for `rand_distr` 0.5 (zipf(0.99,1M), 2.6 GHz Xeon). It is the test's reference.
//!
//! Streams are stable on one platform; elsewhere a `powf` that rounds otherwise can turn about one draw
//! in 10^15.

use crate::sys::random::Random;

/// Ranks below this have a block of their own, further blocks span this part of where they begin.
/// 32 keeps 1M keys in 370 blocks = 9 KiB.
const BLOCKS_PER_E: u64 = 32;

/// One block, and its entry of the alias table.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// First rank.
    first: u64,
    /// Ranks.
    len: u64,
    /// A draw below this keeps any rank of the block.
    keeps_all: f64,
    /// Of 2^64 draws of this entry, so many mean this block; the others mean `alias`.
    threshold: u64,
    /// The block that the rest of this entry's draws mean.
    alias: u32,
}

/// Draws ranks.
#[derive(Clone, Debug)]
pub(super) struct Zipf {
    s: f64,
    blocks: Box<[Block]>,
}

impl Zipf {
    /// `s` in `0..=20`, `n` in `1..=2^53`, as `KeyDistribution::check` makes sure.
    pub(super) fn new(s: f64, n: u64) -> Zipf {
        debug_assert!(s >= 0.0 && (1..=1 << 53).contains(&n));
        let mut blocks = Vec::new();
        let mut masses = Vec::new();
        let mut first = 0;
        while first < n {
            let len = (first / BLOCKS_PER_E).clamp(1, n - first);
            blocks.push(Block {
                first,
                len,
                keeps_all: ratio(s, first, first + len - 1),
                threshold: u64::MAX,
                alias: blocks.len() as u32,
            });
            // p(first) times p's unknown sum; a rank counts from 1 in the power.
            masses.push(len as f64 * ((first + 1) as f64).powf(-s));
            first += len;
        }
        alias(&mut blocks, &masses);
        Zipf {
            s,
            blocks: blocks.into(),
        }
    }

    #[inline]
    pub(super) fn draw(&self, random: &mut Random) -> u64 {
        loop {
            // The high half of the product is the entry, the low half is uniform within it.
            let product = u128::from(random.next_u64()) * self.blocks.len() as u128;
            let mut block = &self.blocks[(product >> 64) as usize];
            if product as u64 >= block.threshold {
                block = &self.blocks[block.alias as usize];
            }
            if block.len == 1 {
                return block.first;
            }
            let rank = block.first + random.below(block.len);
            let u = random.unit();
            if u < block.keeps_all || u < ratio(self.s, block.first, rank) {
                return rank;
            }
        }
    }
}

/// `p(rank) / p(first)`.
#[inline]
fn ratio(s: f64, first: u64, rank: u64) -> f64 {
    ((first + 1) as f64 / (rank + 1) as f64).powf(s)
}

/// Vose's construction: entries with less than the mean mass are filled up from those with more.
fn alias(blocks: &mut [Block], masses: &[f64]) {
    let mean = masses.iter().sum::<f64>() / masses.len() as f64;
    let mut fill: Vec<f64> = masses.iter().map(|m| m / mean).collect();
    let (mut small, mut large): (Vec<usize>, Vec<usize>) =
        (0..blocks.len()).partition(|&i| fill[i] < 1.0);
    while let (Some(&less), Some(&more)) = (small.last(), large.last()) {
        small.pop();
        // `as` saturates: what rounds to 2^64 becomes 2^64 − 1, which is off by 5e-20.
        blocks[less].threshold = (fill[less] * 2f64.powi(64)) as u64;
        blocks[less].alias = more as u32;
        fill[more] -= 1.0 - fill[less];
        if fill[more] < 1.0 {
            large.pop();
            small.push(more);
        }
    }
    // What is left on either list has its mean mass, but for rounding: it keeps itself as its alias.
}
