//! Buckets: where a core counts latencies, event by event, in a few instructions.
//!
//! Owned by who records. The buckets are those of an HdrHistogram with three significant digits, so that nothing is lost
//! when they are added to one, off the cores; what a histogram keeps beside them (least, largest, the ways in which it
//! may be configured) is left out here.
//!
//! ```text
//!   value, ns     0 … 2047      2048 … 4095     4096 … 8191     …     one hour
//!   bucket        0 … 2047      2048 … 3071     3072 … 4095     …     33,420
//!   a bucket is   1 ns wide     2 ns            4 ns                  2^31 ns
//! ```
//!
//! Invariant: `total` is the sum of all counts.

use super::HIGHEST_NS;
use hdrhistogram::Histogram;
use std::hint::black_box;

/// Buckets of one width, but for the first, which has twice as many: 2 × 10³, rounded up to a power of two, halved.
const OF_A_WIDTH: u64 = 1024;
/// All of them.
const COUNT: usize = bucket(HIGHEST_NS) + 1;

/// Latencies up to this one find their pages there: 90 KiB of 267.
const TOUCHED_NS: u64 = 1 << 20;
/// The smallest page of any machine this runs on.
const PAGE_BYTES: usize = 4096;

/// Counts of latencies.
#[derive(Debug)]
pub struct Buckets {
    counts: Box<[u64; COUNT]>,
    total: u64,
}

impl Default for Buckets {
    fn default() -> Self {
        let mut counts = vec![0; COUNT].into_boxed_slice();
        // The kernel brings in the pages of what most latencies fall into now, and not one by one with the first of them.
        // The zeros that are written must look as if they were not there yet.
        let page = PAGE_BYTES / size_of::<u64>();
        for count in black_box(&mut counts)[..bucket(TOUCHED_NS)]
            .iter_mut()
            .step_by(page)
        {
            *count = black_box(0);
        }
        Buckets {
            counts: counts.try_into().expect("made in this length"),
            total: 0,
        }
    }
}

impl Buckets {
    /// Counts `value_ns` `count` times; more than an hour is an hour. Never fails, never allocates.
    #[inline(always)]
    pub fn record(&mut self, value_ns: u64, count: u64) {
        self.counts[bucket(value_ns.min(HIGHEST_NS))] += count;
        self.total += count;
    }

    /// Values counted.
    pub fn len(&self) -> u64 {
        self.total
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Forgets all.
    pub fn reset(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }

    /// Adds all to `histogram`.
    pub fn add_to(&self, histogram: &mut Histogram<u64>) {
        for (bucket, &count) in self.counts.iter().enumerate() {
            if count > 0 {
                histogram.saturating_record_n(least(bucket), count);
            }
        }
    }
}

/// The bucket of a value.
#[inline(always)]
const fn bucket(value_ns: u64) -> usize {
    // Doublings of the width: 0 below 2048.
    let width = u64::BITS - (2 * OF_A_WIDTH - 1).leading_zeros();
    let doublings = u64::BITS - (value_ns | (2 * OF_A_WIDTH - 1)).leading_zeros() - width;
    (doublings as u64 * OF_A_WIDTH + (value_ns >> doublings)) as usize
}

/// The least value of a bucket.
fn least(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let doublings = (bucket / OF_A_WIDTH).saturating_sub(1);
    (bucket - doublings * OF_A_WIDTH) << doublings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{new_histogram, record};
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        /// Against an HdrHistogram that is told everything at once.
        #[test]
        fn nothing_is_lost_on_the_way_into_a_histogram(values in proptest::collection::vec((0u32..64, any::<u64>(), 1u64..5), 0..200)) {
            let (mut buckets, mut plain) = (Buckets::default(), new_histogram());
            for (shift, bits, count) in values {
                let value_ns = bits >> shift;
                buckets.record(value_ns, count);
                record(&mut plain, value_ns, count);
            }
            prop_assert_eq!(buckets.len(), plain.len());
            let mut added = new_histogram();
            buckets.add_to(&mut added);
            prop_assert!(added == plain);
            prop_assert_eq!((added.max(), added.min()), (plain.max(), plain.min()));
            buckets.reset();
            prop_assert!(buckets.is_empty());
            buckets.add_to(&mut added);
            prop_assert!(added == plain);
        }
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for at in 0..COUNT {
            assert_eq!(bucket(least(at)), at);
            assert!(at == 0 || bucket(least(at) - 1) == at - 1);
        }
        assert_eq!((bucket(2048), bucket(HIGHEST_NS)), (2048, 33_420));
    }
}
