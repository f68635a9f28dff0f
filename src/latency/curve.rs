//! The percentile curve of a histogram: points evenly spaced towards 100 %, as the plot has them.
//!
//! ```text
//!   x = 1/(1-p):   1      10      100     1,000   10,000
//!   percentile:    p0     p90     p99     p99.9   p99.99
//! ```

use hdrhistogram::Histogram;

/// Points for each factor of ten in x: finer than a pixel of the plot is wide is of no use.
const POINTS_PER_DECADE: u32 = 40;

/// Samples that a point of the solid curve has beyond it; see [`super::percentiles`].
const SAMPLES_BEYOND_MIN: f64 = 10.0;

/// The curve of one histogram over common positions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    /// ns at each position; `None` beyond the last sample.
    pub(super) value_ns: Vec<Option<u64>>,
    /// Positions with at least ten samples beyond: so many from the left.
    pub(super) known: usize,
}

/// Positions 1/(1-p) from 1 (p0) to `10^decades`.
pub(super) fn positions(decades: u32) -> Vec<f64> {
    (0..=decades * POINTS_PER_DECADE)
        .map(|step| 10_f64.powf(f64::from(step) / f64::from(POINTS_PER_DECADE)))
        .collect()
}

/// Decades that show the whole of `samples` samples: at least two, at most five (p99.999).
pub(super) fn decades(samples: u64) -> u32 {
    (samples.max(1).ilog10() + 1).clamp(2, 5)
}

/// The curve of `histogram` over `positions`.
pub(super) fn curve(histogram: &Histogram<u64>, positions: &[f64]) -> Curve {
    let count = histogram.len() as f64;
    let quantiles: Vec<f64> = positions.iter().map(|x| 1.0 - 1.0 / x).collect();
    // The first position at or beyond the last sample shows the maximum; a rounding error short of it is it.
    let ended = |index: usize| index > 0 && positions[index - 1] > count * 0.999;
    let value_ns = histogram
        .value_at_quantiles(quantiles)
        .enumerate()
        .map(|(index, value)| (count > 0.0 && !ended(index)).then_some(value))
        .collect();
    let known = positions
        .iter()
        .take_while(|x| count / **x >= SAMPLES_BEYOND_MIN)
        .count();
    Curve { value_ns, known }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{new_histogram, record};

    #[test]
    fn a_curve_ends_at_its_last_sample() {
        let mut histogram = new_histogram();
        (1..=1_000).for_each(|value| record(&mut histogram, value, 1));
        let positions = positions(5);
        assert_eq!(positions.len(), 201);
        let curve = curve(&histogram, &positions);
        assert_eq!(curve.value_ns[0], Some(1), "p0 is the least");
        assert_eq!(curve.value_ns[40], Some(900), "p90");
        assert_eq!(curve.value_ns[80], Some(990), "p99");
        assert_eq!(curve.known, 81, "ten samples lie beyond p99");
        assert!(curve.value_ns[121..].iter().all(Option::is_none));
        let known: Vec<u64> = curve.value_ns.iter().flatten().copied().collect();
        assert!(known.is_sorted() && known.len() >= 120);
    }

    #[test]
    fn the_tail_shows_the_maximum() {
        let mut histogram = new_histogram();
        record(&mut histogram, 100, 14_999);
        record(&mut histogram, 4_000_000, 1);
        let curve = curve(&histogram, &positions(5));
        assert_eq!(
            curve.value_ns.iter().flatten().last(),
            Some(&histogram.max())
        );
    }

    #[test]
    fn an_empty_histogram_has_no_curve() {
        let curve = curve(&new_histogram(), &positions(2));
        assert_eq!(curve.known, 0);
        assert!(curve.value_ns.iter().all(Option::is_none));
    }

    #[test]
    fn few_samples_get_a_short_axis() {
        assert_eq!(
            [0, 1, 99, 100, 5_000, 150_000, u64::MAX].map(decades),
            [2, 2, 2, 3, 4, 5, 5]
        );
    }
}
