//! What runs and commands say about checkpoints: that it is true, and that what they advise works.

use crate::scratch::{Scratch, count, stderr, stdout};

const LOAD: [&str; 9] = [
    "bench",
    "--keys",
    "zipf(0.99,2000)",
    "--rate",
    "500k",
    "--events",
    "50000",
    "--cores",
    "1",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&LOAD[..], more].concat()
}

/// The command of the line "again: ..." of a report.
fn again(report: &str) -> Vec<&str> {
    let (_, command) = report
        .split_once("again: millstream ")
        .expect("the line is there");
    command.split_whitespace().collect()
}

#[test]
fn the_command_that_repeats_a_run_does_so() {
    let scratch = Scratch::new();
    let whole = scratch.summary(&with(&["--out", "plain"]));
    let checkpoints = ["--checkpoint", "ck", "--out", "run"];
    for more in [
        &["--out", "plain"][..],
        &checkpoints,
        &[&checkpoints[..], &["--restore", "latest"]].concat(),
    ] {
        let output = scratch.run(&with(more));
        assert!(output.status.success(), "{more:?}: {}", stderr(&output));
        let report = stdout(&output);
        let repeated = scratch.summary(&again(&report));
        assert_eq!(repeated["digest"], whole["digest"], "{more:?}");
        assert_eq!(count(&repeated, "events_in"), 50_000, "{more:?}");
        assert!(repeated["checkpoints"].is_null(), "{more:?}");
    }
}

#[test]
fn checkpoints_that_come_late_are_counted() {
    let scratch = Scratch::new();
    // An epoch takes the letters' thread, which sleeps for 2 ms at a time; one is due each millisecond.
    let args = with(&[
        "--checkpoint",
        "ck",
        "-C",
        "checkpoint.interval=1ms",
        "-C",
        "failure.policy=dead-letter",
        "-C",
        "failure.inject=1 in 100",
    ]);
    let summary = scratch.summary(&args);
    assert!(count(&summary["checkpoints"], "late") > 0, "{summary:#}");
}

#[test]
fn epochs_without_room_are_a_warning_that_names_the_setting() {
    let scratch = Scratch::new();
    let args = [
        "bench",
        "--keys",
        "uniform(300000)",
        "--rate",
        "500k",
        "--events",
        "200000",
        "--cores",
        "1",
        "--checkpoint",
        "ck",
        "-C",
        "checkpoint.interval=20ms",
        "-C",
        "checkpoint.staging=1MiB",
    ];
    let summary = scratch.summary(&args);
    assert!(count(&summary["checkpoints"], "aborted") > 0, "{summary:#}");
    let warnings = summary["warnings"].to_string();
    for part in ["given up", "checkpoint.staging"] {
        assert!(warnings.contains(part), "{part} is not in {warnings}");
    }
}

#[test]
fn refusals_name_what_is_there() {
    let scratch = Scratch::new();
    let interval = ["-C", "checkpoint.interval=none"];
    scratch.summary(&with(&[&["--checkpoint", "ck"], &interval[..]].concat()));
    let refused = |args: &[&str], parts: &[&str], not: &str| {
        let output = scratch.run(args);
        let said = stderr(&output);
        assert!(!output.status.success(), "{args:?}");
        for part in parts {
            assert!(said.contains(part), "{args:?}: {part:?} is not in:\n{said}");
        }
        assert!(!said.contains(not), "{args:?}: {not:?} is in:\n{said}");
    };
    let restore =
        |more: &[&'static str]| with(&[&["--checkpoint", "ck", "--restore"], more].concat());
    refused(
        &with(&["--restore", "latest"]),
        &[
            "`checkpoint.restore` = `latest` needs `checkpoint.dir`",
            "--checkpoint DIR",
        ],
        "cannot be",
    );
    refused(
        &restore(&["9"]),
        &["no epoch 9; it holds epoch 1"],
        "epochs",
    );
    refused(
        &restore(&["1", "--sink", "csv"]),
        &["wrote no file of results", "writes 1 file:"],
        "1 files",
    );
    refused(
        &["checkpoint", "export", "ck", "--stage", "x"],
        &["no stage `x`", "aggregate"],
        "aggregate-0",
    );
    refused(
        &["checkpoint", "export", "ck", "--part", "x"],
        &["no part `x`", "aggregate-0"],
        "readings",
    );

    let inspected = stdout(&scratch.run(&["checkpoint", "inspect", "ck", "--json"]));
    assert!(inspected.contains("\"kind\": \"stage\""), "{inspected}");
    for command in ["checkpoint", "dead-letter"] {
        let help = stdout(&scratch.run(&[command, "--help"]));
        assert!(
            help.contains(&format!("Examples:\n  millstream {command} ls")),
            "{help}"
        );
    }

    let file = scratch.path("ck/run-000001/aggregate-0.0");
    let mut bytes = std::fs::read(&file).expect("it is there");
    // In the first block: behind the header and the page of checksums.
    bytes[9_000] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    let verified = scratch.run(&["checkpoint", "verify", "ck"]);
    assert_eq!(verified.status.code(), Some(1));
    let said = stdout(&verified);
    assert!(
        said.contains("damaged: ck/run-000001/aggregate-0.0: the checksum of block 0"),
        "{said}"
    );
    assert!(!said.contains("no checkpoint in it is whole"), "{said}");
    refused(
        &restore(&["latest"]),
        &["no checkpoint in it is whole", "remove it"],
        "lose the state",
    );
}

#[test]
fn letters_of_a_run_with_checkpoints_are_played_again_beside_them() {
    let scratch = Scratch::new();
    let fails = [
        "-C",
        "failure.policy=dead-letter",
        "-C",
        "failure.inject=1 in 100",
    ];
    let run = with(&[&["--checkpoint", "ck", "--out", "run"], &fails[..]].concat());
    let letters = count(&scratch.summary(&run), "events_dead_letter");
    assert!(letters > 100, "{letters}");
    let listed = || stdout(&scratch.run(&["checkpoint", "ls", "ck"]));
    let epochs = listed();
    let played = || {
        let again = scratch.summary(&["dead-letter", "replay", "run"]);
        assert_eq!(count(&again, "events_in"), letters);
        assert!(again["checkpoints"].is_null(), "{again:#}");
    };
    played();
    assert_eq!(
        listed(),
        epochs,
        "the checkpoints of the run are left alone"
    );
    // The configuration of a run that was restored says so.
    let restored = scratch.summary(&[&run[..], &["--restore", "latest"]].concat());
    assert_eq!(count(&restored, "events_in"), 0);
    played();
}
