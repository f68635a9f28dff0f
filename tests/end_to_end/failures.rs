//! Events at which an operator fails, from the outside: set aside, all of them and no others; played again;
//! and those that kill the process, known after three deaths.

use crate::scratch::{Scratch, count, stderr, stdout};
use millstream::failure::{Drill, Strike};
use millstream::source::trace::native::KeyedRecord;
use serde_json::Value;
use std::fmt::Write;

/// Readings of 97 keys, one a millisecond.
fn reading(number: u64) -> KeyedRecord {
    KeyedRecord {
        key: number * number % 97,
        value: number as i64,
        ts_ns: number * 1_000_000,
    }
}

/// A trace of those of the first `count` readings that `keep` keeps.
fn trace(count: u64, keep: impl Fn(&KeyedRecord) -> bool) -> String {
    let mut text = "key,value,ts_ns\n".to_owned();
    for reading in (0..count).map(reading).filter(keep) {
        let KeyedRecord { key, value, ts_ns } = reading;
        writeln!(text, "{key},{value},{ts_ns}").expect("memory takes it");
    }
    text
}

fn replay<'a>(trace: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let common = [
        "replay",
        trace,
        "--app",
        "aggregate",
        "--key-type",
        "u64",
        "--out",
        out,
    ];
    [&common[..], more].concat()
}

fn letters(scratch: &Scratch, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(scratch.path(file)).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect()
}

/// All and only those that fail are set aside; the answers are those of a trace without them.
#[test]
fn failed_events_are_set_aside_and_leave_no_trace() {
    const EVENTS: u64 = 50_000;
    let scratch = Scratch::new();
    let drill = Drill::new(1_000, 42, Strike::Panic);
    scratch.file("all.csv", trace(EVENTS, |_| true));
    scratch.file("well.csv", trace(EVENTS, |reading| !drill.hits(reading)));
    let expected = (0..EVENTS)
        .map(reading)
        .filter(|reading| drill.hits(reading));
    let mut expected: Vec<String> = expected.map(|reading| format!("{reading:?}")).collect();
    expected.sort();
    assert!((25..100).contains(&expected.len()), "{}", expected.len());

    let policy = [
        "-C",
        "failure.policy=dead-letter",
        "-C",
        "failure.inject=1 in 1000",
    ];
    let with = |more: &[&'static str]| [&policy[..], more].concat();
    let well = scratch.summary(&replay("well.csv", "well", &[]));
    for (out, more) in [
        ("plain", with(&[])),
        ("cores", with(&["--cores", "2", "--partitions", "5"])),
        ("bounded", with(&["--memory", "32 KiB"])),
        (
            "retried",
            with(&["-C", "failure.retries=2", "-C", "failure.back_off=100us"]),
        ),
    ] {
        let summary = scratch.summary(&replay("all.csv", out, &more));
        assert_eq!(summary["digest"], well["digest"], "{out}");
        assert_eq!(count(&summary, "events_in"), EVENTS, "{out}");
        assert_eq!(
            count(&summary, "events_dead_letter"),
            expected.len() as u64,
            "{out}"
        );
        let letters = letters(&scratch, &format!("{out}/dead-letter-events.jsonl"));
        let said = |field: &'static str| letters.iter().map(move |letter| letter[field].clone());
        let mut events: Vec<String> = said("event")
            .map(|event| event.as_str().expect("text").to_owned())
            .collect();
        events.sort();
        assert_eq!(events, expected, "{out}");
        let tries = if out == "retried" { 3 } else { 1 };
        assert!(said("tries").all(|said| said == tries), "{out}");
        assert!(
            said("reason").all(|said| said.as_str().is_some_and(|said| said.contains("drill")))
        );
        assert!(said("layout").all(|said| said == "keyed"), "{out}");
    }

    // Played again, without the drill, they are a run of their own.
    let again = scratch.summary(&["dead-letter", "replay", "plain"]);
    assert_eq!(count(&again, "events_out"), expected.len() as u64);
    assert!(
        scratch
            .path("plain/dead-letter-replayed/summary.json")
            .exists()
    );
    let failing: Vec<KeyedRecord> = (0..EVENTS)
        .map(reading)
        .filter(|reading| drill.hits(reading))
        .collect();
    scratch.file(
        "failing.csv",
        trace(EVENTS, |reading| failing.contains(reading)),
    );
    let alone = scratch.summary(&replay("failing.csv", "alone", &[]));
    assert_eq!(again["digest"], alone["digest"]);

    let list = scratch.run(&["dead-letter", "ls", "plain"]);
    let list = stdout(&list);
    assert_eq!(list.lines().count(), expected.len() + 1, "{list}");
    assert!(
        list.contains(&format!("{} failed events, 0 bad records", expected.len())),
        "{list}"
    );
    let shown = stdout(&scratch.run(&["dead-letter", "show", "2", "plain"]));
    for part in ["KeyedRecord {", "raw_hex", "aggregate", "drill"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    scratch.assert_refused(
        &["dead-letter", "show", "9999", "plain"],
        2,
        &["9999", "1 to"],
    );
    scratch.assert_refused(&["dead-letter", "ls", "none.jsonl"], 1, &["none.jsonl"]);
    scratch.assert_refused(
        &["dead-letter", "ls", "all.csv"],
        2,
        &["no line of it is a dead letter"],
    );
}

#[test]
fn by_default_the_run_stops_and_names_the_event() {
    let scratch = Scratch::new();
    scratch.file("all.csv", trace(5_000, |_| true));
    for (policy, more) in [("stop", "failure.retries=0"), ("stop", "failure.retries=1")] {
        let policy = format!("failure.policy={policy}");
        let inject = ["-C", "failure.inject=1 in 500", "-C", &policy, "-C", more];
        let output = scratch.run(&replay("all.csv", "out", &inject));
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{message}");
        for part in ["aggregate", "KeyedRecord {", "drill"] {
            assert!(message.contains(part), "{part} is not in {message}");
        }
    }
    let skip = ["-C", "failure.inject=1 in 500", "-C", "failure.policy=skip"];
    let summary = scratch.summary(&replay("all.csv", "skipped", &skip));
    assert!(count(&summary, "events_filtered") > 0);
    assert!(!scratch.path("skipped/dead-letter-events.jsonl").exists());
}

/// Seeds under which exactly one of the readings is hit.
fn seed_of_one(events: u64, one_in: u64) -> (u64, KeyedRecord) {
    let hit = |seed: u64| {
        let drill = Drill::new(one_in, seed, Strike::Abort);
        let mut hits = (0..events)
            .map(reading)
            .filter(|reading| drill.hits(reading));
        let first = hits.next()?;
        hits.next().is_none().then_some((seed, first))
    };
    (0..1_000).find_map(hit).expect("one of a thousand seeds")
}

/// Three deaths at the same event; the fourth start sets it aside and comes to its end.
fn assert_set_aside_after_three_deaths(how: &str) {
    const EVENTS: u64 = 3_000;
    let scratch = Scratch::new();
    let (seed, killer) = seed_of_one(EVENTS, 3_000);
    scratch.file("all.csv", trace(EVENTS, |_| true));
    scratch.file("well.csv", trace(EVENTS, |reading| *reading != killer));
    let (seed, inject) = (seed.to_string(), format!("failure.inject_as={how}"));
    let more = [
        "-C",
        "failure.policy=dead-letter",
        "-C",
        "failure.inject=1 in 3000",
        "-C",
        &inject,
        "-C",
        "failure.step_deadline=300ms",
        "--seed",
        &seed,
    ];
    let args = replay("all.csv", "out", &more);
    for death in 1..=3 {
        let output = scratch.run(&args);
        assert_eq!(
            output.status.code(),
            None,
            "{how}: death {death}: {}",
            stderr(&output)
        );
        assert_eq!(
            letters(&scratch, "out/dead-letter-events.jsonl"),
            Vec::<Value>::new()
        );
    }
    let summary = scratch.summary(&args);
    let well = scratch.summary(&replay("well.csv", "well", &[]));
    assert_eq!(summary["digest"], well["digest"], "{how}");
    assert_eq!(count(&summary, "events_dead_letter"), 1);
    let letters = letters(&scratch, "out/dead-letter-events.jsonl");
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["event"], format!("{killer:?}"));
    let reason = letters[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("died 3 times"), "{reason}");
    // It stays known.
    assert_eq!(count(&scratch.summary(&args), "events_dead_letter"), 1);
}

#[test]
fn an_event_that_aborts_the_process_is_set_aside_after_three_deaths() {
    assert_set_aside_after_three_deaths("abort");
}

#[test]
fn an_event_whose_step_never_ends_is_set_aside_after_three_deaths() {
    assert_set_aside_after_three_deaths("hang");
}

#[test]
fn bad_records_are_played_again_as_text() {
    let scratch = Scratch::new();
    let rows = "key,value,ts\n1,10,1700000000000\nx1,11,1700000001000\nx2,12,1700000002000\n";
    scratch.file("t.csv", rows);
    let summary = scratch.summary(&replay("t.csv", "out", &[]));
    assert_eq!(count(&summary, "events_dead_letter"), 2);
    let list = stdout(&scratch.run(&["dead-letter", "ls", "out"]));
    for part in ["t.csv:3", "t.csv:4", "0 failed events, 2 bad records"] {
        assert!(list.contains(part), "{part} is not in {list}");
    }
    let records = ["dead-letter", "replay", "out", "--records"];
    let read_otherwise = [&records[..], &["-C", "source.key_type=text"]].concat();
    let again = scratch.summary(&read_otherwise);
    assert_eq!(count(&again, "events_out"), 2);
    scratch.assert_refused(&["dead-letter", "replay", "out"], 1, &["--records"]);
}
