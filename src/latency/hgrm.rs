//! `latency.hgrm`: the percentile distribution in the text form that HdrHistogram's plotters read.
//!
//! ```text
//!        Value     Percentile TotalCount 1/(1-Percentile)      values in µs
//!
//!        0.340 0.500000000000      75000           2.00
//!        …
//!     4100.095 1.000000000000     150000                       the last line has no fourth column
//! #[Mean    =        1.234, StdDeviation   =        0.567]
//! #[Max     =     4100.095, Total count    =       150000]
//! #[Buckets =           32, SubBuckets     =         2048]
//! ```

use hdrhistogram::Histogram;
use std::fmt::Write;

/// Lines for each halving of the distance to 100 %: what HdrHistogram's own tools print.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

const NS_PER_US: f64 = 1e3;

/// The distribution of `histogram` (ns) as text (µs).
pub(super) fn hgrm(histogram: &Histogram<u64>) -> String {
    let mut out = String::new();
    write_into(&mut out, histogram).expect("writing into a String cannot fail");
    out
}

fn write_into(out: &mut String, histogram: &Histogram<u64>) -> std::fmt::Result {
    writeln!(
        out,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    let mut total = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        total += step.count_since_last_iteration();
        let value_us = step.value_iterated_to() as f64 / NS_PER_US;
        let quantile = step.quantile_iterated_to();
        write!(out, "{value_us:>12.3} {quantile:.12} {total:>10}")?;
        if quantile < 1.0 {
            write!(out, " {:>14.2}", 1.0 / (1.0 - quantile))?;
        }
        out.push('\n');
    }
    let mean_us = histogram.mean() / NS_PER_US;
    let deviation_us = histogram.stdev() / NS_PER_US;
    let max_us = histogram.max() as f64 / NS_PER_US;
    // The format's own definition: the power of two that tells 2 × 10^digits values apart.
    let sub_buckets = (2 * 10_u64.pow(u32::from(histogram.sigfig()))).next_power_of_two();
    writeln!(
        out,
        "#[Mean    = {mean_us:>12.3}, StdDeviation   = {deviation_us:>12.3}]"
    )?;
    writeln!(
        out,
        "#[Max     = {max_us:>12.3}, Total count    = {:>12}]",
        histogram.len()
    )?;
    writeln!(
        out,
        "#[Buckets = {:>12}, SubBuckets     = {sub_buckets:>12}]",
        histogram.buckets()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{new_histogram, record};

    #[test]
    fn lines_rise_and_end_at_the_last_sample() {
        let mut histogram = new_histogram();
        (1..=10_000).for_each(|value| record(&mut histogram, value * 1_000, 1));
        let text = hgrm(&histogram);
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some("       Value     Percentile TotalCount 1/(1-Percentile)")
        );
        assert_eq!(lines.next(), Some(""));
        let rows: Vec<Vec<f64>> = lines
            .clone()
            .take_while(|line| !line.starts_with('#'))
            .map(|line| {
                line.split_whitespace()
                    .map(|field| field.parse().unwrap())
                    .collect()
            })
            .collect();
        let (last, others) = rows.split_last().unwrap();
        assert!(others.len() > 20);
        assert!(others.iter().all(|row| row.len() == 4));
        assert!(
            others
                .iter()
                .all(|row| (row[3] * (1.0 - row[1]) - 1.0).abs() < 0.01)
        );
        assert!(
            rows.windows(2)
                .all(|p| p[0][0] <= p[1][0] && p[0][1] <= p[1][1] && p[0][2] <= p[1][2])
        );
        assert_eq!(last.len(), 3);
        assert_eq!((last[1], last[2]), (1.0, 10_000.0));
        assert!((last[0] - 10_000.0).abs() < 10.0, "in µs: {}", last[0]);
        let tail: Vec<&str> = text.lines().rev().take(3).collect();
        assert!(tail[2].starts_with("#[Mean    = "), "{}", tail[2]);
        assert!(
            tail[1].ends_with("Total count    =        10000]"),
            "{}",
            tail[1]
        );
        assert_eq!(
            tail[0],
            "#[Buckets =           32, SubBuckets     =         2048]"
        );
    }

    #[test]
    fn an_empty_histogram_is_still_a_well_formed_file() {
        let text = hgrm(&new_histogram());
        assert_eq!(text.lines().count(), 5);
        assert!(text.contains("#[Max     =        0.000, Total count    =            0]"));
    }
}
