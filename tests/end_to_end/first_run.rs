//! The first command that anybody gives: no arguments, in the root of the repository.

use crate::scratch::{
    Scratch, assert_balanced, assert_report, command, count, read_summary, stderr, stdout,
};
use serde_json::Value;
use std::path::Path;

/// Events of the sample, as its README says.
const SAMPLE_EVENTS: u64 = 150_000;

/// The repository, without its other files: the sample at the place where the command looks for it.
fn root() -> Scratch {
    let scratch = Scratch::new();
    let data = scratch.path("tests/data/git-activity");
    std::fs::create_dir_all(&data).expect("a directory");
    for name in ["clicks.csv.zst", "items.csv.zst"] {
        let from = sample().join(name);
        std::fs::copy(&from, data.join(name))
            .unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }
    scratch
}

fn sample() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/git-activity"
    ))
}

/// Every field that scripts rely on.
fn assert_fields(summary: &Value) {
    for name in [
        "events_in",
        "events_out",
        "events_late",
        "events_dead_letter",
        "events_shed",
        "elapsed_ns",
    ] {
        count(summary, name);
    }
    assert!(summary["throughput_events_per_s"].as_f64().expect("a rate") > 0.0);
    let digest = summary["digest"].as_str().expect("a digest");
    assert!(
        digest.len() == 16 && u64::from_str_radix(digest, 16).is_ok(),
        "{digest}"
    );
    for histogram in ["latency_ns", "service_ns", "hiccup_ns"] {
        let percentiles = summary[histogram].as_object().expect(histogram);
        for name in ["count", "p50", "p90", "p99", "p99_9", "p99_99", "max"] {
            assert!(percentiles.contains_key(name), "{histogram}.{name}");
        }
    }
    let schedule = summary["schedule"].as_object().expect("schedule");
    for name in [
        "asked_events_per_s",
        "reached_events_per_s",
        "late_start_ns_p99",
        "kept",
    ] {
        assert!(schedule.contains_key(name), "schedule.{name}");
    }
    for list in ["stages", "cores", "partitions"] {
        assert!(!summary[list].as_array().expect(list).is_empty(), "{list}");
    }
    for object in ["quality", "environment"] {
        let fields = summary[object].as_object().expect(object);
        assert!(!fields.is_empty(), "{object}");
    }
}

/// The answers beat both baselines by margins that no tie-breaking explains: each is a share of 20,
/// the answers lie about a sixth above the last item's neighbours and a whole order above the most popular.
fn assert_beats_baselines(summary: &Value) {
    let quality = |name: &str| {
        summary["quality"][name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} is not in {}", summary["quality"]))
    };
    for (measure, over_last_item) in [("recall@20", 1.1), ("mrr@20", 1.3)] {
        let answers = quality(measure);
        let last_item = quality(&format!("last item.{measure}"));
        let popular = quality(&format!("popular.{measure}"));
        assert!(
            answers > over_last_item * last_item,
            "{measure}: {answers} beside {last_item}"
        );
        assert!(
            answers > 5.0 * popular,
            "{measure}: {answers} beside {popular}"
        );
    }
}

#[test]
fn without_arguments_the_sample_is_replayed_and_reported() {
    let root = root();
    let output = root.run(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for part in ["150,000", "✓", "recall@20", "mrr@20", "report.html"] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let (_, answers) = text.split_once("\nanswers\n").expect("answers are shown");
    let shown: Vec<&str> = answers
        .lines()
        .take_while(|line| line.starts_with("  user "))
        .collect();
    assert!(shown.len() >= 2, "{text}");
    for answer in shown {
        // "user 7, after PATH: PATH · PATH": not numbers, but files as people know them.
        let paths = answer.matches('/').count();
        assert!(answer.contains(", after ") && paths >= 2, "{answer}");
    }

    let report = root.path("millstream-run");
    assert_report(&report);
    let summary = read_summary(&report);
    assert_fields(&summary);
    assert_balanced(&summary);
    assert_eq!(summary["app"], "recommend");
    assert_eq!(count(&summary, "events_in"), SAMPLE_EVENTS);
    assert_eq!(count(&summary, "events_out"), SAMPLE_EVENTS);
    assert_eq!(count(&summary["latency_ns"], "count"), SAMPLE_EVENTS);
    assert_beats_baselines(&summary);
}

#[test]
fn the_repository_itself_is_such_a_root() {
    let out = Scratch::new();
    let to = out.path("report");
    let output = command(
        Path::new(env!("CARGO_MANIFEST_DIR")),
        &[
            "--json",
            "-C",
            "source.limit=5000",
            "-C",
            "pace.speed=max",
            "--out",
        ],
    )
    .arg(&to)
    .output()
    .expect("the command starts");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let printed: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
    assert_balanced(&printed);
    assert_eq!(count(&printed, "events_in"), 5000);
    assert_eq!(
        printed,
        read_summary(&to),
        "what is printed is what is written"
    );
}

#[test]
fn quiet_prints_nothing() {
    let root = root();
    let output = root.run(&["-q", "-C", "source.limit=5000", "-C", "pace.speed=max"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    let said = stderr(&output);
    assert!(
        said.lines().all(|line| line.starts_with("warning: ")),
        "only warnings may be said: {said}"
    );
    assert_report(&root.path("millstream-run"));
}
