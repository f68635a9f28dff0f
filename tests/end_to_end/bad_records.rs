//! Records that cannot be read: set aside with their line and the reason, counted; or the end, where asked for.

use crate::oracle::{Keys, Reading, digest};
use crate::scratch::{Scratch, assert_report, count};
use serde_json::Value;

/// Lines 3, 5 and 6 are bad: text for a number, a number out of range, a missing column.
const TRACE: &str = "key,value,ts\n\
    1,10,1700000000000\n\
    x1,11,1700000001000\n\
    2,12,1700000002000\n\
    99999999999999999999,13,1700000003000\n\
    3\n\
    1,14,1700000004000\n";

fn good() -> Vec<Reading> {
    [("1", 10, 0), ("2", 12, 2), ("1", 14, 4)]
        .map(|(key, value, second)| Reading {
            key: key.into(),
            value,
            ts_ms: 1_700_000_000_000 + second * 1000,
        })
        .into()
}

fn replay<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let all = ["replay", "t.csv", "--app", "aggregate", "--key-type", "u64"];
    [&all[..], more].concat()
}

/// Asserts that the file names the three bad lines, each with its text and a reason.
fn assert_letters(text: &str) {
    let letters: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    let lines: Vec<_> = letters
        .iter()
        .map(|letter| letter["line"].as_u64())
        .collect();
    assert_eq!(lines, [Some(3), Some(5), Some(6)], "{text}");
    let raw: Vec<_> = letters
        .iter()
        .map(|letter| letter["raw"].as_str().expect("the record").trim_end())
        .collect();
    let bad: Vec<&str> = [2, 4, 5]
        .map(|line| TRACE.lines().nth(line).expect("a line"))
        .into();
    assert_eq!(raw, bad);
    for letter in &letters {
        for field in ["file", "reason", "expected", "remedy"] {
            let said = letter[field].as_str().expect(field);
            assert!(!said.is_empty(), "{field} of {letter}");
        }
    }
    assert_eq!(letters[0]["value"], "x1");
    assert_eq!(letters[1]["value"], "99999999999999999999");
}

#[test]
fn they_are_set_aside_and_counted_and_the_run_goes_on() {
    let scratch = Scratch::new();
    scratch.file("t.csv", TRACE);
    std::fs::create_dir(scratch.path("millstream-run")).expect("a directory");
    let summary = scratch.summary(&replay(&[]));
    assert_eq!(count(&summary, "events_in"), 6);
    assert_eq!(count(&summary, "events_dead_letter"), 3);
    assert_eq!(count(&summary, "events_out"), 3);
    assert_eq!(summary["digest"], digest(&good(), Keys::Numbers));
    let letters = scratch.path("millstream-run/dead-letter.jsonl");
    assert_letters(&std::fs::read_to_string(letters).expect("dead letters"));
    assert_report(&scratch.path("millstream-run"));
}

#[test]
fn their_file_lies_where_it_is_asked_for() {
    let scratch = Scratch::new();
    scratch.file("t.csv", TRACE);
    let summary = scratch.summary(&replay(&["-C", "source.dead_letter=set-aside.jsonl"]));
    assert_eq!(count(&summary, "events_dead_letter"), 3);
    let letters = scratch.path("set-aside.jsonl");
    assert_letters(&std::fs::read_to_string(letters).expect("dead letters"));
}

#[test]
fn a_loop_counts_them_every_round_and_sets_them_aside_once() {
    let scratch = Scratch::new();
    scratch.file("t.csv", TRACE);
    let letters = ["-C", "source.dead_letter=set-aside.jsonl", "--loop", "2"];
    let summary = scratch.summary(&replay(&letters));
    assert_eq!(count(&summary, "events_in"), 12);
    assert_eq!(count(&summary, "events_dead_letter"), 6);
    let letters = scratch.path("set-aside.jsonl");
    assert_letters(&std::fs::read_to_string(letters).expect("dead letters"));
}

#[test]
fn a_clean_run_leaves_no_dead_letter_file() {
    let scratch = Scratch::new();
    scratch.file("t.csv", "key,value,ts\n1,10,1700000000000\n");
    let summary = scratch.summary(&replay(&[]));
    assert_eq!(count(&summary, "events_dead_letter"), 0);
    assert!(!scratch.path("millstream-run/dead-letter.jsonl").exists());
}

#[test]
fn fail_ends_the_run_at_the_first() {
    let scratch = Scratch::new();
    scratch.file("t.csv", TRACE);
    scratch.assert_refused(
        &replay(&["--on-bad-record", "fail"]),
        1,
        &["t.csv", "line 3", "x1"],
    );
}

#[test]
fn a_directory_for_the_report_is_made_for_dead_letters_too() {
    let scratch = Scratch::new();
    scratch.file("t.csv", TRACE);
    let summary = scratch.summary(&replay(&["--out", "not/there/yet"]));
    assert_eq!(count(&summary, "events_dead_letter"), 3);
    let letters = scratch.path("not/there/yet/dead-letter.jsonl");
    assert_letters(&std::fs::read_to_string(letters).expect("dead letters"));
}
