//! Generated load: as much as asked for, through both applications, and goals decide the exit code.

use crate::scratch::{Scratch, assert_report, count, stderr};

#[test]
fn a_rate_for_a_duration_is_so_many_events() {
    let scratch = Scratch::new();
    let args = ["bench", "--rate", "20000", "--duration", "300ms"];
    let summary = scratch.summary(&args);
    assert_eq!(count(&summary, "events_in"), 6000);
    assert_eq!(count(&summary, "events_out"), 6000);
    assert_eq!(count(&summary["latency_ns"], "count"), 6000);
    assert_eq!(summary["schedule"]["asked_events_per_s"], 20_000.0);
    assert_report(&scratch.path("millstream-run"));
}

#[test]
fn flat_out_so_many_events_as_asked_for() {
    let scratch = Scratch::new();
    let args = ["bench", "--rate", "max", "--events", "200000"];
    let summary = scratch.summary(&args);
    assert_eq!(count(&summary, "events_out"), 200_000);
    assert!(summary["schedule"]["asked_events_per_s"].is_null());

    // The same keys and values at another pace, on other cores: sums differ in nothing but event time.
    let keys = |summary: &serde_json::Value| {
        let stages = summary["stages"].as_array().expect("stages");
        let keys = stages.iter().map(|stage| count(stage, "keys"));
        keys.sum::<u64>()
    };
    let two = ["--cores", "2", "--partitions", "5", "--out", "two"];
    let other = scratch.summary(&[&args[..], &two].concat());
    assert!(keys(&summary) > 0);
    assert_eq!(keys(&other), keys(&summary));
    assert_eq!(other["digest"], summary["digest"]);
}

#[test]
fn every_kind_of_keys_and_arrivals() {
    let scratch = Scratch::new();
    for (keys, distinct) in [
        ("uniform(10)", Some(10)),
        ("hot(0.9,3,1000)", None),
        ("sequential(123)", Some(123)),
        ("zipf(1.2,50)", None),
    ] {
        for arrivals in [
            "constant",
            "poisson",
            "bursts(5ms,5ms)",
            "ramp(10k,200k,50ms)",
        ] {
            let load = ["--keys", keys, "--arrivals", arrivals, "--rate", "100k"];
            // A ramp has rates of its own.
            let load = if arrivals.starts_with("ramp") {
                &load[..4]
            } else {
                &load
            };
            let args = [&["bench", "--events", "5000"], load].concat();
            let summary = scratch.summary(&args);
            assert_eq!(count(&summary, "events_out"), 5000, "{args:?}");
            let found = count(&summary["stages"][1], "keys");
            if let Some(distinct) = distinct {
                assert_eq!(found, distinct, "{args:?}");
            }
        }
    }
}

#[test]
fn recommend_under_load() {
    let scratch = Scratch::new();
    let load = [
        "--rate",
        "20000",
        "--duration",
        "300ms",
        "--keys",
        "zipf(0.9,1000)",
    ];
    let summary = scratch.summary(&[&["bench", "--app", "recommend"], &load[..]].concat());
    assert_eq!(summary["app"], "recommend");
    assert_eq!(count(&summary, "events_in"), 6000);
    assert_eq!(count(&summary, "events_out"), 6000);
    assert!(summary["quality"]["recall@20"].is_number(), "{summary}");
}

#[test]
fn a_missed_goal_is_exit_code_3_with_its_report() {
    let scratch = Scratch::new();
    let bench = ["bench", "--rate", "max", "--events", "20000"];
    let missed = scratch.run(&[&bench[..], &["--goal", "max=1ns"]].concat());
    assert_eq!(missed.status.code(), Some(3), "{}", stderr(&missed));
    let message = stderr(&missed);
    assert!(message.contains("goal max=1ns missed: "), "{message}");
    assert_report(&scratch.path("millstream-run"));

    let kept = scratch.run(&[&bench[..], &["--goal", "max=1h"]].concat());
    assert_eq!(kept.status.code(), Some(0), "{}", stderr(&kept));
}
