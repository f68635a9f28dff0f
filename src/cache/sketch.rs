//! How often something was seen, roughly: a counting Bloom filter that halves.
//!
//! ```text
//!   hash:   step, 32 bits │ first, 32 bits          counter i of ten: (first + i × step) mod 2^32 mod n
//!
//!   add:       all ten + 1             estimate:  the least of the ten, never too low between halvings
//!   counters:  14.4 for each object that can be held, two bytes each
//! ```
//!
//! Source: L. Fan et al., "Summary cache", IEEE/ACM ToN 8(3), 2000; ten counters among 14.4 for each object
//! make one estimate in a thousand too high, as long as no more objects are counted than can be held. The
//! same filter as libCacheSim's, so that decisions are the same when hashes are.

use std::array;

/// Counters of one object.
const HASHES: usize = 10;

/// Where the counters of one object are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot([u32; HASHES]);

/// Counts of what was seen.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    counters: Box<[u16]>,
    /// ⌈2^64 / n⌉ of n counters: turns the division of [`Sketch::spot`] into two multiplications (D. Lemire,
    /// O. Kaser, N. Kurz, "Faster remainder by direct computation", 2019).
    inverse: u64,
}

impl Sketch {
    /// For `objects` objects.
    pub(super) fn new(objects: u64) -> Self {
        // −ln(0.001) / (ln 2)²
        let for_each = -(0.001_f64.ln()) / 0.480_453_013_918_201;
        let most = f64::from(i32::MAX);
        let mut counters = (for_each * objects as f64).ceil().min(most) as usize;
        if counters < HASHES {
            counters = 2 * HASHES;
        }
        Sketch {
            counters: vec![0; counters].into(),
            inverse: u64::MAX / counters as u64 + 1,
        }
    }

    /// Where the object with this hash is counted.
    #[inline(always)]
    pub(super) fn spot(&self, hash: u64) -> Spot {
        let (first, step) = (hash as u32, (hash >> 32) as u32);
        let counters = self.counters.len() as u128;
        Spot(array::from_fn(|i| {
            let at = first.wrapping_add(step.wrapping_mul(i as u32));
            let fraction = self.inverse.wrapping_mul(u64::from(at));
            ((u128::from(fraction) * counters) >> 64) as u32
        }))
    }

    /// One more sight of the object at `spot`.
    #[inline(always)]
    pub(super) fn add(&mut self, spot: Spot) {
        for at in spot.0 {
            let counter = &mut self.counters[at as usize];
            *counter = counter.saturating_add(1);
        }
    }

    /// How often the object at `spot` was seen, if not less often.
    #[inline(always)]
    pub(super) fn estimate(&self, spot: Spot) -> u16 {
        let counters = spot.0.map(|at| self.counters[at as usize]);
        counters.into_iter().fold(u16::MAX, u16::min)
    }

    /// Makes the past count half.
    pub(super) fn halve(&mut self) {
        for counter in &mut self.counters {
            *counter /= 2;
        }
    }

    /// Bytes of the counters.
    pub(super) fn bytes(&self) -> u64 {
        size_of_val::<[u16]>(&self.counters) as u64
    }
}
