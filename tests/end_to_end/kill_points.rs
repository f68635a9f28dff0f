//! A run that dies at every named point of a checkpoint, and one whose writer process dies there alone: what
//! was durable is restored, and the answers are those of a run that was not disturbed.

use crate::scratch::{Scratch, count, stderr};
use millstream::sys::kill_point::{NAMES, VARIABLE};
use serde_json::Value;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

const EVENTS: u64 = 100_000;

/// At its rate the load takes 0.2 s.
const LOAD: [&str; 11] = [
    "bench",
    "--keys",
    "zipf(0.99,20000)",
    "--rate",
    "500k",
    "--events",
    "100000",
    "--cores",
    "1",
    "--partitions",
    "3",
];

const CHECKPOINTS: [&str; 4] = ["--checkpoint", "ck", "-C", "checkpoint.interval=5ms"];

/// SIGKILL.
const KILLED: i32 = 9;

/// Only reached when the disk has failed, which `tests/checkpoint_files` has it do.
const AFTER_A_FAULT: &str = "file-recreated";

/// Reached once in a run.
const ONCE: [&str; 3] = ["run-created", "older-disowned", "older-removed"];

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let mut command = Command::new("cp");
    let copied = command.arg("-a").args([from, to]).status();
    assert!(copied.expect("cp is there").success());
}

fn summary(output: &Output, what: &str) -> Value {
    assert!(output.status.success(), "{what}: {}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// Kills at every point, at several visits; `judge` is given what the process that had the variable left,
/// and whether the visit is the first.
fn at_every_point(writer: &str, mut judge: impl FnMut(&str, bool, &Output, &Value)) {
    let scratch = Scratch::new();
    let whole = scratch.summary(&LOAD);
    let writer = format!("checkpoint.writer={writer}");
    let args = [&LOAD[..], &CHECKPOINTS, &["-C", &writer, "--json"]].concat();
    // A run that died after some epochs: the next one has something to restore, and to remove.
    let first = scratch
        .command(&[&LOAD[..], &CHECKPOINTS].concat())
        .args(["-C", "checkpoint.writer=thread"])
        .env(VARIABLE, "durable:4")
        .output();
    let first = first.expect("it ran");
    assert_eq!(first.status.signal(), Some(KILLED), "{}", stderr(&first));
    std::fs::rename(scratch.path("ck"), scratch.path("before")).expect("renamed");
    let restore = [&args[..], &["--restore", "latest"]].concat();
    for name in NAMES.into_iter().filter(|name| *name != AFTER_A_FAULT) {
        let visits: &[u32] = if ONCE.contains(&name) {
            &[1]
        } else {
            &[1, 3, 9]
        };
        for &visit in visits {
            let what = format!("{name}:{visit}");
            copy(&scratch.path("before"), &scratch.path("ck"));
            let output = scratch.command(&restore).env(VARIABLE, &what).output();
            let output = output.expect("it ran");
            judge(&what, visit == 1, &output, &whole);
            let again = summary(&scratch.run(&restore), &what);
            assert_eq!(again["digest"], whole["digest"], "{what}");
            let before = count(&again["checkpoints"]["restored"], "events");
            assert_eq!(before + count(&again, "events_in"), EVENTS, "{what}");
        }
    }
}

#[test]
fn an_engine_killed_at_any_point_of_a_checkpoint_goes_on() {
    let mut killed = 0;
    at_every_point("thread", |what, first, output, _| {
        let died = output.status.signal() == Some(KILLED);
        assert!(
            died || output.status.success(),
            "{what}: {}",
            stderr(output)
        );
        assert!(died || !first, "{what} is never reached");
        killed += u32::from(died);
    });
    assert!(killed >= 17, "{killed} engines were killed");
}

#[test]
fn an_engine_whose_writer_was_killed_says_so_and_ends_well() {
    let mut killed = 0;
    at_every_point("process", |what, first, output, whole| {
        let summary = summary(output, what);
        assert_eq!(summary["digest"], whole["digest"], "{what}");
        assert_eq!(summary["balanced"], true, "{what}");
        let died = summary["checkpoints"]["writer_died"].as_str();
        let died = died.is_some_and(|died| died.contains("signal: 9"));
        let warnings = summary["warnings"].to_string();
        assert_eq!(
            warnings.contains("the writer of checkpoints died"),
            died,
            "{what}: {warnings}"
        );
        assert!(died || !first, "{what} is never reached");
        killed += u32::from(died);
    });
    assert!(killed >= 17, "{killed} writers were killed");
}
