//! The histogram of a run: values in ns, 3 significant digits, up to one hour.
//!
//! Owned by the task that records; merged off the path. Recording neither fails nor allocates: a value
//! above the hour counts as one hour, a count above `u64::MAX` stays there.

use super::summary::Percentiles;
use hdrhistogram::Histogram;

/// The largest value told apart, ns: one hour. An event that waited longer is a stopped machine.
pub const HIGHEST_NS: u64 = 3_600_000_000_000;

/// Enough that p99.99 of 12.3 µs is known to 12 ns; a fourth digit costs ten times the memory.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Below this many samples beyond it, a percentile is an anecdote.
const SAMPLES_BEYOND_MIN: u64 = 10;

/// An empty histogram over the whole range (about 270 KiB, all of it allocated and present).
pub fn new_histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, HIGHEST_NS, SIGNIFICANT_DIGITS)
        .expect("1 ns to one hour at 3 digits is a valid range");
    // Writes zeros over zeros, so that the kernel brings in the pages now: as a huge one, which the allocator asks for,
    // the first latency recorded would wait 100 µs for it, and 5 ms on a virtual machine that must ask its host.
    histogram.reset();
    histogram
}

/// Counts `value_ns` `count` times. Saturates in value and in count; never fails, never allocates.
#[inline]
pub fn record(histogram: &mut Histogram<u64>, value_ns: u64, count: u64) {
    // A count of 0 would still move the maximum.
    if count > 0 {
        histogram.saturating_record_n(value_ns.min(HIGHEST_NS), count);
    }
}

/// Adds all of `from` to `into`; values beyond the range of `into` saturate where it cannot grow.
pub fn merge(into: &mut Histogram<u64>, from: &Histogram<u64>) {
    if into.add(from).is_err() {
        for step in from.iter_recorded() {
            into.saturating_record_n(step.value_iterated_to(), step.count_at_value());
        }
    }
}

/// A copy that reaches only as far as its largest value and grows when merged into: what is kept of
/// each interval. 100 µs take 64 KiB in place of 270.
pub fn compact(histogram: &Histogram<u64>) -> Histogram<u64> {
    // The smallest range that the format allows is 1..=2.
    let highest = histogram.max().max(2);
    let mut small = Histogram::new_with_bounds(1, highest, SIGNIFICANT_DIGITS)
        .expect("a range of at least 1..=2 at 3 digits is valid");
    small.auto(true);
    merge(&mut small, histogram);
    small
}

/// Percentiles of `histogram`; `None` where fewer than ten samples lie beyond.
///
/// A value is the upper end of its bucket: at most 0.1 % too high, never too low.
pub fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    let count = histogram.len();
    // Beyond the quantile 1 - 1/n lie count/n samples.
    let at = |quantile: f64, one_in: u64| {
        (count / one_in >= SAMPLES_BEYOND_MIN).then(|| histogram.value_at_quantile(quantile))
    };
    Percentiles {
        count,
        p50: at(0.5, 2),
        p90: at(0.9, 10),
        p99: at(0.99, 100),
        p99_9: at(0.999, 1_000),
        p99_99: at(0.9999, 10_000),
        max: (count > 0).then(|| histogram.max()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: u64) -> Histogram<u64> {
        let mut histogram = new_histogram();
        (1..=count).for_each(|value| record(&mut histogram, value, 1));
        histogram
    }

    #[test]
    fn an_empty_histogram_has_no_percentile_and_no_maximum() {
        assert_eq!(percentiles(&new_histogram()), Percentiles::default());
    }

    #[test]
    fn a_percentile_needs_ten_samples_beyond_it() {
        let known = |count| {
            let p = percentiles(&filled(count));
            [p.p50, p.p90, p.p99, p.p99_9, p.p99_99, p.max].map(|value| value.is_some())
        };
        assert_eq!(known(1), [false, false, false, false, false, true]);
        assert_eq!(known(19), [false, false, false, false, false, true]);
        assert_eq!(known(20), [true, false, false, false, false, true]);
        assert_eq!(known(99), [true, false, false, false, false, true]);
        assert_eq!(known(100), [true, true, false, false, false, true]);
        assert_eq!(known(1_000), [true, true, true, false, false, true]);
        assert_eq!(known(10_000), [true, true, true, true, false, true]);
        assert_eq!(known(100_000), [true; 6]);
    }

    #[test]
    fn values_are_exact_to_three_digits_and_never_too_low() {
        let p = percentiles(&filled(100_000));
        for (got, exact) in [(p.p50, 50_000), (p.p99, 99_000), (p.p99_99, 99_990)] {
            let got = got.unwrap();
            assert!(
                got >= exact && got <= exact + exact / 1_000,
                "{got} for {exact}"
            );
        }
    }

    #[test]
    fn recording_saturates() {
        let mut histogram = new_histogram();
        record(&mut histogram, 0, 1);
        record(&mut histogram, u64::MAX, 3);
        record(&mut histogram, u64::MAX, 0);
        assert_eq!(histogram.len(), 4);
        assert!(histogram.max() >= HIGHEST_NS && histogram.max() <= HIGHEST_NS / 1_000 * 1_001);
        record(&mut histogram, 7, u64::MAX);
        record(&mut histogram, 7, u64::MAX);
        assert_eq!(histogram.len(), u64::MAX);
        record(&mut histogram, 9, 0);
        assert_eq!(histogram.count_at(9), 0);
    }

    #[test]
    fn a_count_of_zero_leaves_no_trace() {
        let mut histogram = new_histogram();
        record(&mut histogram, 1_000, 0);
        assert_eq!(percentiles(&histogram), Percentiles::default());
    }

    #[test]
    fn a_compact_copy_tells_the_same_and_grows_when_merged_into() {
        let whole = filled(100_000);
        let mut small = compact(&whole);
        assert_eq!(percentiles(&small), percentiles(&whole));
        assert!(small.distinct_values() < whole.distinct_values() / 3);
        let mut late = new_histogram();
        record(&mut late, HIGHEST_NS, 2);
        merge(&mut small, &late);
        assert_eq!(small.len(), 100_002);
        assert!(small.max() >= HIGHEST_NS);
        assert!(compact(&new_histogram()).is_empty());
    }

    #[test]
    fn merging_into_a_fixed_range_saturates() {
        let mut narrow = Histogram::<u64>::new_with_bounds(1, 1_000, 3).unwrap();
        merge(&mut narrow, &filled(100_000));
        assert_eq!(narrow.len(), 100_000);
    }
}
