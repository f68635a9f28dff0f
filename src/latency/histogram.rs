//! Histograms.
use hdrhistogram::Histogram;
/// new
pub fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 3)
        .expect("the bounds are constants that the crate accepts")
}
/// record
#[inline]
pub fn record(histogram: &mut Histogram<u64>, value_ns: u64, count: u64) {
    histogram.saturating_record_n(value_ns, count);
}
