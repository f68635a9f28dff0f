//! Dead letters of runs that die and go on: each failed event is set aside once, neither lost nor twice, whatever
//! else is in the file.

use crate::scratch::{Scratch, count, stderr};
use millstream::sys::kill_point::VARIABLE;
use serde_json::Value;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;

/// At its rate the load takes 0.5 s; about 2,000 of its events fail.
const LOAD: [&str; 17] = [
    "bench",
    "--keys",
    "zipf(0.99,20000)",
    "--rate",
    "200k",
    "--events",
    "100000",
    "--cores",
    "1",
    "--partitions",
    "3",
    "-C",
    "failure.policy=dead-letter",
    "-C",
    "failure.inject=1 in 50",
    "-C",
    "failure.killer_page=off",
];

const CHECKPOINTS: [&str; 4] = ["--checkpoint", "ck", "-C", "checkpoint.interval=5ms"];

const FILE: &str = "letters.jsonl";

/// SIGKILL.
const KILLED: i32 = 9;

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let file = ["-C", "failure.dead_letter=letters.jsonl"];
    [&LOAD[..], &CHECKPOINTS, &file, more].concat()
}

fn lines(scratch: &Scratch, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(scratch.path(file)).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// The events of the letters, in order of their texts.
fn events(letters: &[Value]) -> Vec<String> {
    let text = |letter: &Value| letter["event"].as_str().expect("an event").to_owned();
    let mut events: Vec<String> = letters.iter().map(text).collect();
    events.sort();
    events
}

/// Those that fail: of a run that nobody disturbed.
fn expected(scratch: &Scratch) -> (Value, Vec<String>) {
    let alone = ["-C", "failure.dead_letter=undisturbed.jsonl"];
    let whole = scratch.summary(&[&LOAD[..], &alone].concat());
    let letters = events(&lines(scratch, "undisturbed.jsonl"));
    assert_eq!(count(&whole, "events_dead_letter"), letters.len() as u64);
    assert!(letters.len() > 1_000, "{}", letters.len());
    (whole, letters)
}

/// Has the run die at `what`; whether it did, rather than come to its end.
fn dies(scratch: &Scratch, args: &[&str], what: &str) -> bool {
    let output = scratch.command(args).env(VARIABLE, what).output();
    let output = output.expect("it ran");
    let died = output.status.signal() == Some(KILLED);
    assert!(
        died || output.status.success(),
        "{what}: {}",
        stderr(&output)
    );
    died
}

#[test]
fn however_often_a_run_dies_each_failed_event_is_set_aside_once() {
    let scratch = Scratch::new();
    let (whole, expected) = expected(&scratch);
    // Not of this run, and in its way: a letter of another, and what is none.
    let foreign = "{\"run_ms\":1,\"stage\":\"s\",\"stage_index\":1,\"partition\":0,\"key\":7,\"due_ns\":2,\"tries\":1,\"reason\":\"r\",\"event\":\"another\"}\n";
    scratch.file(FILE, foreign);
    let (anew, restore) = (with(&[]), with(&["--restore", "latest"]));
    // Before the first durable epoch: the run starts anew, and its first letters come again.
    assert!(dies(&scratch, &anew, "letters-synced:1"));
    let first = lines(&scratch, FILE).len();
    assert!(
        first > 1,
        "letters before the first barrier are in the file"
    );
    assert!(dies(&scratch, &anew, "letters-withdrawn"));
    assert_eq!(lines(&scratch, FILE).len(), 1);
    assert!(dies(&scratch, &anew, "durable:1"));
    let mut deaths = 3;
    for what in [
        "letters-withdrawn",
        "letters-synced:2",
        "begun:3",
        "block-written:9",
        "part-written:2",
        "files-synced:1",
        "manifest-written:2",
        "manifest-synced:1",
        "durable:1",
        "older-removed",
        "letters-synced:3",
    ] {
        deaths += u32::from(dies(&scratch, &restore, what));
    }
    assert!(deaths >= 10, "{deaths} runs died");
    let last = scratch.summary(&restore);
    assert_eq!(last["digest"], whole["digest"]);
    assert_eq!(last["checkpoints"]["letters_missing"], "");

    let letters = lines(&scratch, FILE);
    let (others, mine): (Vec<Value>, Vec<Value>) = letters
        .into_iter()
        .partition(|letter| letter["event"] == "another");
    assert_eq!(others.len(), 1);
    assert_eq!(events(&mine).len(), expected.len());
    assert_eq!(events(&mine), expected);
    let histories: BTreeSet<String> = mine
        .iter()
        .map(|letter| letter["history"].to_string())
        .collect();
    assert_eq!(histories.len(), 1, "{histories:?}");
    // What was moved away has come again.
    let moved = events(&lines(&scratch, "letters.jsonl.withdrawn"));
    assert!(moved.len() >= first - 1);
    assert!(
        moved
            .iter()
            .all(|event| expected.binary_search(event).is_ok())
    );
}

#[test]
fn a_file_that_was_changed_or_removed_is_told_of_and_the_run_goes_on() {
    let scratch = Scratch::new();
    let (whole, expected) = expected(&scratch);
    let restore = with(&["--restore", "latest"]);
    assert!(dies(&scratch, &with(&[]), "durable:2"));
    let before = lines(&scratch, FILE).len();
    std::fs::remove_file(scratch.path(FILE)).expect("it is there");
    let summary = scratch.summary(&restore);
    assert_eq!(summary["digest"], whole["digest"]);
    let missing = summary["checkpoints"]["letters_missing"]
        .as_str()
        .expect("a text");
    assert!(
        missing.contains("has 0 of the") && missing.contains("removed"),
        "{missing}"
    );
    assert!(
        summary["warnings"].to_string().contains("has 0 of the"),
        "{summary:#}"
    );
    let after = lines(&scratch, FILE);
    assert_eq!(after.len() as u64, count(&summary, "events_dead_letter"));
    assert!(after.len() + before >= expected.len());

    // From its last epoch there is nothing to come, and nothing is missing of what there was.
    let again = scratch.summary(&restore);
    assert_eq!(count(&again, "events_in"), 0);
    assert_eq!(again["checkpoints"]["letters_missing"], "");
    assert_eq!(lines(&scratch, FILE), after);

    // Elsewhere: the letters of the runs before stay where they are.
    let elsewhere = [&restore[..], &["-C", "failure.dead_letter=other.jsonl"]].concat();
    let missing = scratch.summary(&elsewhere)["checkpoints"]["letters_missing"].clone();
    let missing = missing.as_str().expect("a text");
    assert!(missing.contains("the run before wrote to"), "{missing}");
}
