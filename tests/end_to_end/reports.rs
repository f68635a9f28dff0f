//! Reports of real runs: printed again, and compared.

use crate::scratch::{Scratch, count, read_summary, stderr, stdout};
use serde_json::Value;

/// Two runs, of 5,000 and 10,000 events.
fn two_runs() -> Scratch {
    let scratch = Scratch::new();
    for (events, out) in [("5000", "one"), ("10000", "two")] {
        let args = ["bench", "--rate", "max", "--keys", "uniform(100)"];
        scratch.summary(&[&args[..], &["--events", events, "--out", out]].concat());
    }
    scratch
}

#[test]
fn a_report_is_printed_as_it_was() {
    let scratch = two_runs();
    let output = scratch.run(&["report", "two"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    let digest = read_summary(&scratch.path("two"))["digest"].clone();
    for part in [
        "aggregate: 10,000 events",
        "✓",
        digest.as_str().expect("text"),
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let json: Value =
        serde_json::from_slice(&scratch.run(&["report", "two", "--json"]).stdout).expect("JSON");
    assert_eq!(json, read_summary(&scratch.path("two")));
}

#[test]
fn two_reports_stand_side_by_side() {
    let scratch = two_runs();
    let output = scratch.run(&["compare", "one", "two"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    for part in ["one", "two", "p99", "config.load.events"] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let output = scratch.run(&["compare", "one", "two", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
    let rows = json["rows"].as_array().expect("rows");
    for measure in ["throughput_events_per_s", "latency_ns.max"] {
        let row = rows
            .iter()
            .find(|row| row["measure"] == measure)
            .unwrap_or_else(|| panic!("no row of {measure}: {json:#}"));
        let value = |side: &str| row[side].as_f64().expect("a figure");
        let ratio = row["ratio"].as_f64().expect("a ratio");
        assert!((ratio - value("b") / value("a")).abs() < 1e-9, "{row}");
    }
    assert_eq!(json["digest_equal"], false, "other events, other results");
    let same = scratch.run(&["compare", "one", "one", "--json"]);
    let json: Value = serde_json::from_slice(&same.stdout).expect("JSON and nothing else");
    assert_eq!(json["digest_equal"], true);
}

#[test]
fn a_second_run_replaces_the_report_of_the_first_whole() {
    let scratch = two_runs();
    let before = scratch.names();
    let args = ["bench", "--rate", "max", "--events", "777", "--out", "one"];
    scratch.summary(&args);
    assert_eq!(scratch.names(), before, "no file more, none less");
    assert_eq!(count(&read_summary(&scratch.path("one")), "events_in"), 777);
}

#[test]
fn a_standard_output_that_is_full_is_an_error() {
    let scratch = two_runs();
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        println!("skipped: there is no /dev/full here");
        return;
    };
    let mut report = scratch.command(&["report", "one", "--json"]);
    let output = report.stdout(full).output().expect("the command starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("standard output"),
        "{}",
        stderr(&output)
    );
}
