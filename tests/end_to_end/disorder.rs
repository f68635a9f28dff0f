//! Stamps that run backwards: clamped, sorted within a bound, or the end; what comes too late is counted.

use crate::oracle::{Keys, Reading, delimited, digest};
use crate::scratch::{Scratch, count};

/// Seconds of event time, in the order of the file; 3 s and 40 s out of order.
const STAMPS_S: [u64; 8] = [100, 110, 107, 120, 80, 120, 125, 123];

fn at(stamp_s: u64, value: usize) -> Reading {
    Reading {
        key: "7".into(),
        value: value as i64,
        ts_ms: (1_700_000_000 + stamp_s) * 1000,
    }
}

fn disordered() -> Vec<Reading> {
    let numbered = STAMPS_S.iter().enumerate();
    numbered.map(|(place, stamp)| at(*stamp, place)).collect()
}

fn replay(scratch: &Scratch, more: &[&str]) -> serde_json::Value {
    scratch.summary(&[&["replay", "t.csv", "--app", "aggregate"], more].concat())
}

#[test]
fn clamp_raises_a_stamp_to_the_latest_before_it() {
    let scratch = Scratch::new();
    scratch.file("t.csv", delimited(&disordered(), ','));
    let mut latest = 0;
    let clamped: Vec<Reading> = disordered()
        .into_iter()
        .map(|reading| {
            latest = latest.max(reading.ts_ms);
            Reading {
                ts_ms: latest,
                ..reading
            }
        })
        .collect();
    for more in [&[][..], &["--disorder", "clamp"]] {
        let summary = replay(&scratch, more);
        assert_eq!(count(&summary, "events_in"), 8);
        assert_eq!(count(&summary, "events_out"), 8);
        assert_eq!(count(&summary, "events_late"), 0);
        assert_eq!(summary["digest"], digest(&clamped, Keys::Numbers));
    }
}

#[test]
fn sort_puts_right_what_is_within_the_bound_and_counts_the_rest() {
    let scratch = Scratch::new();
    scratch.file("t.csv", delimited(&disordered(), ','));
    for (bound, late) in [("5s", 1), ("1m", 0), ("1s", 3)] {
        let mut latest = 0;
        let mut kept = disordered();
        let bound_ms = match bound {
            "1s" => 1000,
            "5s" => 5000,
            _ => 60_000,
        };
        kept.retain(|reading| {
            latest = latest.max(reading.ts_ms);
            reading.ts_ms >= latest - bound_ms
        });
        kept.sort_by_key(|reading| reading.ts_ms);
        let summary = replay(&scratch, &["--disorder", "sort", "--disorder-bound", bound]);
        assert_eq!(count(&summary, "events_in"), 8, "{bound}");
        assert_eq!(count(&summary, "events_late"), late, "{bound}");
        assert_eq!(count(&summary, "events_out"), 8 - late, "{bound}");
        assert_eq!(summary["digest"], digest(&kept, Keys::Numbers), "{bound}");
    }
}

#[test]
fn fail_ends_the_run_at_the_first_stamp_that_goes_back() {
    let scratch = Scratch::new();
    scratch.file("t.csv", delimited(&disordered(), ','));
    scratch.assert_refused(
        &[
            "replay",
            "t.csv",
            "--app",
            "aggregate",
            "--disorder",
            "fail",
        ],
        1,
        &["t.csv", "line 4", "1700000107000000000", "clamp"],
    );
}
