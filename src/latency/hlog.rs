//! `latency.hlog`: the histograms of a run as an HdrHistogram interval log.
//!
//! ```text
//! #[Histogram log format version 1.3]
//! #[StartTime: 1700000000.000 (seconds since epoch), 2023-11-14T22:13:20Z]
//! #[BaseTime: 1700000000.000 (seconds since epoch)]
//! "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
//! Tag=latency,0.000,0.100,0.052,HISTFAAAA…          one an interval; seconds, seconds, ms, values in ns
//! Tag=service,0.000,1.520,0.017,HISTFAAAA…          one for the whole run
//! Tag=hiccup,0.000,1.520,4.100,HISTFAAAA…           one for the whole run
//! ```
//!
//! Payloads are the format's V2, deflated, base64. Should the intervals not hold every sample (a run cut
//! off within one), `Tag=latency-total` holds the whole run and the reader takes that.

use super::histogram::{merge, new_histogram};
use super::interval::Interval;
use super::report::Report;
use super::report_error::ReportError;
use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, IntervalLogWriterError, LogEntry,
    LogIteratorError, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializeError, V2DeflateSerializer};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

const LATENCY: &str = "latency";
const LATENCY_TOTAL: &str = "latency-total";
const SERVICE: &str = "service";
const HICCUP: &str = "hiccup";

/// The column of maxima is for people, in ms, as the format's own writer has it.
const NS_PER_MS: f64 = 1e6;

/// What a log holds: the histograms of a run.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) latency: Histogram<u64>,
    pub(super) service: Histogram<u64>,
    pub(super) hiccups: Histogram<u64>,
    /// Of each interval, in order.
    pub(super) intervals: Vec<Histogram<u64>>,
}

type WriteError = IntervalLogWriterError<V2DeflateSerializeError>;

/// The file's content.
pub(super) fn hlog(report: &Report) -> Result<Vec<u8>, WriteError> {
    let mut out = Vec::new();
    writeln!(out, "#[Histogram log format version 1.3]")?;
    writeln!(
        out,
        "#[Values in ns. Tags: {LATENCY} for each interval; {SERVICE}, {HICCUP} for the run]"
    )?;
    let started = &report.summary.environment.started;
    if let Ok(time) = humantime::parse_rfc3339_weak(started)
        && let Ok(since_epoch) = time.duration_since(UNIX_EPOCH)
    {
        let seconds = since_epoch.as_secs_f64();
        let text = humantime::format_rfc3339_millis(time);
        writeln!(
            out,
            "#[StartTime: {seconds:.3} (seconds since epoch), {text}]"
        )?;
        writeln!(out, "#[BaseTime: {seconds:.3} (seconds since epoch)]")?;
    }
    writeln!(
        out,
        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\""
    )?;
    let mut serializer = V2DeflateSerializer::new();
    // The header above is our own: the builder knows neither the version line nor the legend. Here it
    // only has to learn the divisor, which the format's readers take to be this one when unsaid.
    let mut body = Vec::new();
    let mut writer = IntervalLogWriterBuilder::new()
        .with_max_value_divisor(NS_PER_MS)
        .begin_log_with(&mut body, &mut serializer)?;
    let run = (Duration::ZERO, Duration::from_nanos(run_ns(report)));
    for Interval {
        start_ns,
        end_ns,
        latency,
        ..
    } in &report.intervals
    {
        let start = Duration::from_nanos(*start_ns);
        let length = Duration::from_nanos(end_ns.saturating_sub(*start_ns));
        writer.write_histogram(latency, start, length, Tag::new(LATENCY))?;
    }
    let in_intervals: u64 = report
        .intervals
        .iter()
        .map(|interval| interval.latency.len())
        .sum();
    if in_intervals != report.latency.len() {
        writer.write_histogram(&report.latency, run.0, run.1, Tag::new(LATENCY_TOTAL))?;
    }
    writer.write_histogram(&report.service, run.0, run.1, Tag::new(SERVICE))?;
    writer.write_histogram(&report.hiccups, run.0, run.1, Tag::new(HICCUP))?;
    out.extend_from_slice(&body);
    Ok(out)
}

fn run_ns(report: &Report) -> u64 {
    let last_end_ns = report
        .intervals
        .last()
        .map_or(0, |interval| interval.end_ns);
    last_end_ns.max(report.summary.elapsed_ns)
}

/// Reads the log at `path`, whose content is `bytes`. Entries with other tags are skipped.
pub(super) fn read_hlog(path: &Path, bytes: &[u8]) -> Result<Recording, ReportError> {
    let mut total = None;
    let mut recording = Recording {
        latency: new_histogram(),
        service: new_histogram(),
        hiccups: new_histogram(),
        intervals: Vec::new(),
    };
    let mut deserializer = Deserializer::new();
    for (index, entry) in IntervalLogIterator::new(bytes).enumerate() {
        let bad = |reason: String| ReportError::IntervalLog {
            path: path.into(),
            reason,
        };
        let entry = entry.map_err(|LogIteratorError::ParseError { offset }| {
            bad(format!(
                "the line at byte {offset} is neither an interval nor a comment"
            ))
        })?;
        let LogEntry::Interval(interval) = entry else {
            continue;
        };
        let payload = base64::engine::general_purpose::STANDARD
            .decode(interval.encoded_histogram())
            .map_err(|error| bad(format!("entry {index}: payload is not base64: {error}")))?;
        let histogram: Histogram<u64> = deserializer
            .deserialize(&mut payload.as_slice())
            .map_err(|error| bad(format!("entry {index}: payload is no histogram: {error}")))?;
        match interval.tag().as_deref() {
            Some(LATENCY) => {
                merge(&mut recording.latency, &histogram);
                recording.intervals.push(histogram);
            }
            Some(LATENCY_TOTAL) => total = Some(histogram),
            Some(SERVICE) => merge(&mut recording.service, &histogram),
            Some(HICCUP) => merge(&mut recording.hiccups, &histogram),
            _ => {}
        }
    }
    if let Some(total) = total {
        recording.latency.clear();
        merge(&mut recording.latency, &total);
    }
    Ok(recording)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::sample::sample_report;

    #[test]
    fn the_crates_own_reader_finds_start_time_and_every_interval() {
        let report = sample_report();
        let bytes = hlog(&report).unwrap();
        assert!(bytes.starts_with(b"#[Histogram log format version 1.3]\n"));
        let entries: Vec<_> = IntervalLogIterator::new(&bytes)
            .map(|entry| entry.unwrap())
            .collect();
        let start = Duration::from_secs(1_700_000_000);
        assert_eq!(entries[0], LogEntry::StartTime(start));
        assert_eq!(entries[1], LogEntry::BaseTime(start));
        let tags: Vec<_> = entries[2..]
            .iter()
            .map(|entry| match entry {
                LogEntry::Interval(interval) => interval.tag().unwrap().as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        let intervals = report.intervals.len();
        assert!(tags[..intervals].iter().all(|tag| *tag == "latency"));
        assert_eq!(tags[intervals..], ["service", "hiccup"]);
        match &entries[3] {
            LogEntry::Interval(interval) => {
                assert_eq!(interval.start_timestamp(), Duration::from_millis(100));
                assert_eq!(interval.duration(), Duration::from_millis(100));
                let max_ms = report.intervals[1].latency.max() as f64 / 1e6;
                assert!((interval.max() - max_ms).abs() < 0.001);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn histograms_come_back_whole() {
        let report = sample_report();
        let recording = read_hlog(Path::new("l"), &hlog(&report).unwrap()).unwrap();
        assert_eq!(recording.latency, report.latency);
        assert_eq!(recording.service, report.service);
        assert_eq!(recording.hiccups, report.hiccups);
        assert_eq!(recording.intervals.len(), report.intervals.len());
        for (read, written) in recording.intervals.iter().zip(&report.intervals) {
            assert_eq!(read, &written.latency);
        }
    }

    #[test]
    fn samples_outside_the_intervals_are_kept() {
        let mut report = sample_report();
        report.intervals.pop();
        let recording = read_hlog(Path::new("l"), &hlog(&report).unwrap()).unwrap();
        assert_eq!(recording.latency, report.latency);
        report.intervals.clear();
        let recording = read_hlog(Path::new("l"), &hlog(&report).unwrap()).unwrap();
        assert_eq!(recording.latency, report.latency);
        assert!(recording.intervals.is_empty());
    }

    #[test]
    fn a_run_without_a_start_time_has_no_start_line() {
        let mut report = sample_report();
        report.summary.environment.started = "some day".to_string();
        let bytes = hlog(&report).unwrap();
        assert!(!String::from_utf8(bytes).unwrap().contains("StartTime:"));
    }

    #[test]
    fn damage_is_named() {
        let text = String::from_utf8(hlog(&sample_report()).unwrap()).unwrap();
        for (damaged, reason) in [
            (text.replace("HISTFAAA", "HISTFAA!"), "not base64"),
            (text.replace("HISTFAAA", "AAAAFAAA"), "no histogram"),
            (
                text.replace("Tag=service,", "service "),
                "neither an interval nor a comment",
            ),
        ] {
            let error = read_hlog(Path::new("out/latency.hlog"), damaged.as_bytes()).unwrap_err();
            let message = error.to_string();
            assert!(
                message.contains("out/latency.hlog") && message.contains(reason),
                "{message}"
            );
        }
    }
}
