//! `verify`: a run is repeated from what it left, and its answers are the same or it is said that they are not.

use crate::scratch::{Scratch, count, read_summary, stderr, stdout};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Clicks of a few users on a few items, so that answers depend on each other.
fn clicks() -> String {
    let mut text = String::from("user_id,item_id,ts\n");
    let mut x = 1u64;
    for at in 0..6_000 {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (user, item) = ((x >> 33) % 60, (x >> 40) % (1 + (x >> 52) % 300));
        text += &format!("{user},{item},{}\n", 1_600_000_000 + at);
    }
    text
}

fn verdict(scratch: &Scratch, args: &[&str], code: i32) -> Value {
    let output = scratch.run(&[&["verify"], args, &["--json"]].concat());
    assert_eq!(
        output.status.code(),
        Some(code),
        "{args:?}: {}",
        stderr(&output)
    );
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{args:?}: not JSON alone: {error}: {}", stderr(&output)))
}

/// Every file below `directory` and what is in it.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), std::fs::read(path).expect("a file"));
        }
    }
    found
}

#[test]
fn a_run_in_deterministic_order_has_its_answers_again_on_any_placement() {
    let scratch = Scratch::new();
    scratch.file("clicks.csv", clicks());
    let replay = [
        "replay",
        "clicks.csv",
        "--order",
        "deterministic",
        "--partitions",
        "3",
    ];
    let summary = scratch.summary(&[&replay[..], &["--cores", "2", "--out", "run"]].concat());
    assert_eq!(summary["order"], "deterministic");
    assert_eq!(count(&summary, "events_out"), 6_000);
    let equal = verdict(&scratch, &["run"], 0);
    assert_eq!(
        (&equal["equal"], &equal["cores"]),
        (&Value::Bool(true), &Value::from(2))
    );
    assert_eq!(equal["digest"], summary["digest"]);
    assert_eq!(verdict(&scratch, &["run", "--cores", "1"], 0)["cores"], 1);
    let words = scratch.run(&["verify", "run"]);
    assert!(
        stdout(&words).contains("run: verified, digest"),
        "{}",
        stdout(&words)
    );

    // The same answers in another run: at another pace, with bounded memory, other rings, another way to wait.
    for more in [
        &["--cores", "1", "--rate", "40000"][..],
        &["--cores", "2", "--memory", "64 KiB"],
        &[
            "--cores",
            "3",
            "-C",
            "runtime.ring_slots=8",
            "--idle",
            "park",
        ],
        &[
            "--cores",
            "1",
            "-C",
            "runtime.budget=1",
            "-C",
            "cache.answers=50",
        ],
    ] {
        let again = scratch.summary(&[&replay[..], more, &["--out", "again"]].concat());
        assert_eq!(again["digest"], summary["digest"], "{more:?}");
        assert_eq!(
            verdict(&scratch, &["again"], 0)["digest"],
            summary["digest"],
            "{more:?}"
        );
    }
}

#[test]
fn nothing_of_the_run_is_written_to() {
    let scratch = Scratch::new();
    scratch.file("clicks.csv", clicks() + "not,a,click\n");
    let files = [
        "--sink",
        "csv",
        "--sink-file",
        "answers.csv",
        "--memory",
        "64 KiB",
    ];
    let places = [
        "-C",
        "source.dead_letter=bad.jsonl",
        "-C",
        "state.dir=state",
    ];
    let run = [
        "replay",
        "clicks.csv",
        "--order",
        "deterministic",
        "--out",
        "run",
    ];
    let summary = scratch.summary(&[&run[..], &files, &places].concat());
    assert_eq!(count(&summary, "events_dead_letter"), 1);
    let before = contents(&scratch.path("."));
    assert_eq!(verdict(&scratch, &["run"], 0)["digest"], summary["digest"]);
    assert!(
        contents(&scratch.path(".")) == before,
        "verify has changed a file"
    );
}

#[test]
fn loads_are_verified_by_their_events_however_long_they_ran() {
    for more in [
        &[
            "--rate",
            "20000",
            "--duration",
            "300ms",
            "--order",
            "deterministic",
        ][..],
        &["--rate", "max", "--duration", "100ms"],
        &["--rate", "max", "--events", "30000"],
    ] {
        let scratch = Scratch::new();
        let bench = [
            "bench",
            "--app",
            "aggregate",
            "--keys",
            "zipf(0.99,500)",
            "--out",
            "run",
        ];
        let summary = scratch.summary(&[&bench[..], more].concat());
        let verdict = verdict(&scratch, &["run"], 0);
        assert_eq!(verdict["digest"], summary["digest"], "{more:?}");
        assert_eq!(verdict["events"], summary["events_in"], "{more:?}");
    }
}

#[test]
fn other_answers_are_told_apart() {
    let scratch = Scratch::new();
    scratch.file("clicks.csv", clicks());
    scratch.summary(&[
        "replay",
        "clicks.csv",
        "--order",
        "deterministic",
        "--out",
        "run",
    ]);
    let path = scratch.path("run/summary.json");
    let mut summary = read_summary(&scratch.path("run"));
    summary["digest"] = "0123456789abcdef".into();
    std::fs::write(&path, summary.to_string()).expect("written");
    let different = verdict(&scratch, &["run"], 1);
    assert_eq!(different["equal"], false);
    assert_eq!(different["differences"].as_array().map(Vec::len), Some(1));
    assert_eq!(different["differences"][0]["recorded"], "0123456789abcdef");
    let words = scratch.run(&["verify", "run"]);
    assert_eq!(words.status.code(), Some(1));
    assert!(
        stdout(&words).contains("NOT the same") && stdout(&words).contains("0123456789abcdef"),
        "{}",
        stdout(&words)
    );
}

#[test]
fn what_cannot_be_verified_is_refused_with_the_reason() {
    let scratch = Scratch::new();
    let text = clicks();
    scratch.file("clicks.csv", &text);
    scratch.summary(&[
        "replay",
        "clicks.csv",
        "--partitions",
        "2",
        "--out",
        "arrival",
    ]);
    let refused = &["order in which events arrived", "--order deterministic"];
    scratch.assert_refused(&["verify", "arrival"], 2, refused);
    // One partition has no order but that of the source.
    scratch.summary(&[
        "replay",
        "clicks.csv",
        "--partitions",
        "1",
        "--out",
        "single",
    ]);
    verdict(&scratch, &["single"], 0);

    scratch.assert_refused(&["verify", "nowhere"], 2, &["nowhere"]);
    scratch.summary(&[
        "replay",
        "clicks.csv",
        "--order",
        "deterministic",
        "--out",
        "run",
    ]);
    // As long as before, and another digit in the middle.
    let middle = text.len() / 2;
    let digit = text[middle..]
        .find(|c: char| c.is_ascii_digit())
        .expect("a digit")
        + middle;
    let other = if &text[digit..=digit] == "1" {
        "2"
    } else {
        "1"
    };
    let mut changed = text.clone();
    changed.replace_range(digit..=digit, other);
    scratch.file("clicks.csv", &changed);
    let refused = &["clicks.csv is not the file that the run read", "XXH3"];
    scratch.assert_refused(&["verify", "run"], 2, refused);
    scratch.assert_refused(&["verify", "single"], 2, &["written to since"]);
    scratch.file("clicks.csv", &text.as_bytes()[..middle]);
    scratch.assert_refused(
        &["verify", "run"],
        2,
        &["not the file that the run read", "bytes"],
    );
    std::fs::remove_file(scratch.path("clicks.csv")).expect("removed");
    scratch.assert_refused(
        &["verify", "run"],
        2,
        &["cannot be read", "-C source.trace=FILE"],
    );
    // It has moved, and nothing else.
    scratch.file("elsewhere.csv", &text);
    verdict(&scratch, &["run", "-C", "source.trace=elsewhere.csv"], 0);
}
