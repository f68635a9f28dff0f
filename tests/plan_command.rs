//! `millstream plan` from outside: from a trace, from a run, and what it refuses.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const CLICKS: &str = "tests/data/git-activity/clicks.csv.zst";

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millstream"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command starts")
}

fn json(args: &[&str]) -> Value {
    let output = run(args);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_trace_is_planned_on_machines_of_all_sizes() {
    let told = json(&["plan", "--trace", CLICKS, "--cores", "4", "--json"]);
    assert_eq!(told["allocators"].as_array().map(Vec::len), Some(6));
    assert_eq!(told["stages"][1]["event_ns"], 18.0);
    let cores = told["cores"].as_array().expect("a list");
    assert_eq!(
        (&cores[0]["cores"], &cores[13]["cores"]),
        (&1.into(), &128.into())
    );
    let most = |row: &Value| row["events_per_s_max"].as_f64().expect("a number");
    assert!(
        (most(&cores[0]) - 1e9 / 23.0).abs() < 1.0,
        "23 ns an event on one core"
    );
    assert!(cores.iter().all(|row| most(row) <= 1e9 / 5.0 + 1.0));
    let shares = told["allocators"][0]["cores_share"].as_array();
    assert_eq!(shares.map(Vec::len), Some(4));
    assert!(told["measured"].is_null());

    let text = run(&["plan", "--trace", CLICKS]);
    let text = String::from_utf8_lossy(&text.stdout);
    for part in [
        "costs of an event",
        "allocators",
        "one core more",
        "assumed",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_run_is_planned_with_its_own_costs_and_compared() {
    let scratch = tempfile::tempdir().expect("a directory");
    let (one, two) = (scratch.path().join("one"), scratch.path().join("two"));
    for (out, cores) in [(&one, "1"), (&two, "2")] {
        let args = ["bench", "--app", "aggregate", "--rate", "max", "--events"];
        let more = ["200k", "--cores", cores, "--out", path(out), "-q"];
        let done = run(&[&args[..], &more].concat());
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
    // How far off it is depends on the machine; here it is said, and is what the two shares make of it.
    let told = json(&["plan", path(&one), "--json"]);
    assert!(told["measured"]["busiest_off"].is_f64(), "{told}");
    // Another run of the same flow is predicted core by core.
    let told = json(&["plan", path(&one), "--against", path(&two), "--json"]);
    let cores = told["measured"]["cores"].as_array().expect("a list");
    assert_eq!(cores.len(), 2);
    for core in cores {
        let predicted = core["predicted_busy_share"].as_f64().expect("a number");
        assert!(predicted > 0.0, "{core}");
    }
}

#[test]
fn what_cannot_be_planned_says_what_is_needed() {
    for (args, part) in [
        (&["plan"][..], "--trace"),
        (&["plan", "no-such-run"], "no-such-run"),
        (&["plan", "--trace", "no-such-trace.csv"], "no-such-trace"),
        (&["plan", "--trace", CLICKS, "--cores", "0"], "1..=128"),
        (
            &["plan", "--trace", CLICKS, "--allocator", "gredy"],
            "greedy",
        ),
    ] {
        let output = run(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{args:?}");
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}
