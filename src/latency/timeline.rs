//! `timeline.csv`: one row an interval, the exact integers behind the plot.

use super::histogram::percentiles;
use super::interval::Interval;
use super::report_error::ReportError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A row. Empty fields are percentiles with fewer than ten samples beyond them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TimelineRow {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) events_out: u64,
    pub(super) throughput_events_per_s: f64,
    pub(super) latency_ns_p50: Option<u64>,
    pub(super) latency_ns_p90: Option<u64>,
    pub(super) latency_ns_p99: Option<u64>,
    pub(super) latency_ns_p99_9: Option<u64>,
    pub(super) latency_ns_p99_99: Option<u64>,
    pub(super) latency_ns_max: Option<u64>,
    pub(super) hiccup_ns_max: u64,
}

impl TimelineRow {
    pub(super) fn new(interval: &Interval) -> Self {
        let latency = percentiles(&interval.latency);
        TimelineRow {
            start_ns: interval.start_ns,
            end_ns: interval.end_ns,
            events_out: interval.events_out,
            throughput_events_per_s: interval.throughput_events_per_s().round(),
            latency_ns_p50: latency.p50,
            latency_ns_p90: latency.p90,
            latency_ns_p99: latency.p99,
            latency_ns_p99_9: latency.p99_9,
            latency_ns_p99_99: latency.p99_99,
            latency_ns_max: latency.max,
            hiccup_ns_max: interval.hiccup_ns_max,
        }
    }
}

/// The header, written by hand because a run without intervals has one too.
const HEADER: [&str; 11] = [
    "start_ns",
    "end_ns",
    "events_out",
    "throughput_events_per_s",
    "latency_ns_p50",
    "latency_ns_p90",
    "latency_ns_p99",
    "latency_ns_p99_9",
    "latency_ns_p99_99",
    "latency_ns_max",
    "hiccup_ns_max",
];

/// The file's content.
pub(super) fn timeline_csv(intervals: &[Interval]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    writer.write_record(HEADER)?;
    for interval in intervals {
        writer.serialize(TimelineRow::new(interval))?;
    }
    writer
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))
}

/// The rows of the file at `path`, whose content is `bytes`.
pub(super) fn read_timeline(path: &Path, bytes: &[u8]) -> Result<Vec<TimelineRow>, ReportError> {
    csv::Reader::from_reader(bytes)
        .deserialize()
        .map(|row| {
            row.map_err(|source| ReportError::Timeline {
                path: path.into(),
                source,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{new_histogram, record};

    #[test]
    fn rows_come_back_as_they_were_written() {
        let mut latency = new_histogram();
        record(&mut latency, 400, 50);
        let interval = Interval {
            start_ns: 5,
            end_ns: 1_000_000_005,
            events_out: 50,
            latency,
            hiccup_ns_max: 77,
        };
        let bytes = timeline_csv(std::slice::from_ref(&interval)).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert_eq!(
            text.lines().nth(1),
            Some("5,1000000005,50,50.0,400,,,,,400,77")
        );
        assert_eq!(
            read_timeline(Path::new("t"), &bytes).unwrap(),
            [TimelineRow::new(&interval)]
        );
    }

    #[test]
    fn a_run_without_intervals_has_a_header() {
        let bytes = timeline_csv(&[]).unwrap();
        assert_eq!(
            std::str::from_utf8(&bytes).unwrap(),
            HEADER.join(",") + "\n"
        );
        assert!(read_timeline(Path::new("t"), &bytes).unwrap().is_empty());
    }

    #[test]
    fn a_bad_row_names_file_and_line() {
        let text = HEADER.join(",") + "\n1,2,x,3,,,,,,,4\n";
        let error = read_timeline(Path::new("out/timeline.csv"), text.as_bytes()).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("out/timeline.csv") && message.contains("line: 2"),
            "{message}"
        );
    }
}
