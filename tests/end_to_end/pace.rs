//! When events are due changes nothing of what comes out; how many go in is as asked.

use crate::oracle::{Keys, Reading, delimited, digest, readings};
use crate::scratch::{Scratch, count};

/// Two hours of event time in 400 readings: at its own pace no test could wait for it.
fn two_hours() -> Vec<Reading> {
    let reading = |at: u64| Reading {
        key: (at % 37).to_string(),
        value: at as i64,
        ts_ms: 1_700_000_000_000 + at * 18_000,
    };
    (0..400).map(reading).collect()
}

#[test]
fn every_pace_gives_the_same_answers() {
    let scratch = Scratch::new();
    let readings = two_hours();
    let expected = digest(&readings, Keys::Numbers);
    scratch.file("t.csv", delimited(&readings, ','));
    for (pace, word) in [
        (&["--speed", "max"][..], "max"),
        (&["--rate", "max"], "max"),
        (&["--rate", "4000"], "4000"),
        (&["--speed", "100000x"], "100000x"),
        // The gaps of 18 s are cut to 1 ms each.
        (&["--speed", "1x", "--max-gap", "1ms"], "1x"),
        (&["--speed", "10x", "--max-gap", "10ms"], "10x"),
    ] {
        let args = [&["replay", "t.csv", "--app", "aggregate"], pace].concat();
        let summary = scratch.summary(&args);
        assert_eq!(count(&summary, "events_in"), 400, "{pace:?}");
        assert_eq!(summary["digest"], expected, "{pace:?}");
        let shown = summary["schedule"]["pace"].as_str().expect("a pace");
        assert!(shown.contains(word), "{pace:?} is shown as {shown:?}");
    }
}

#[test]
fn a_limit_takes_the_first_so_many() {
    let scratch = Scratch::new();
    let readings = readings(Keys::Numbers);
    scratch.file("t.csv", delimited(&readings, ','));
    let convert = scratch.run(&["trace", "convert", "t.csv", "t.mill"]);
    assert!(convert.status.success());
    for name in ["t.csv", "t.mill"] {
        for limit in [1, 4095, 4096, 4097, 20_000, 1_000_000] {
            let given = limit.to_string();
            let args = ["replay", name, "--app", "aggregate", "--limit", &given];
            let summary = scratch.summary(&args);
            let taken = readings.len().min(limit);
            assert_eq!(count(&summary, "events_in"), taken as u64, "{args:?}");
            assert_eq!(
                summary["digest"],
                digest(&readings[..taken], Keys::Numbers),
                "{args:?}"
            );
        }
    }
}

/// `readings` three times over: later rounds go on in event time by the span and one mean gap.
fn three_times(readings: &[Reading]) -> Vec<Reading> {
    let (first, last) = (readings[0].ts_ms, readings[readings.len() - 1].ts_ms);
    let span = last - first;
    let gap = span / (readings.len() as u64 - 1);
    let round = |round: u64| {
        readings.iter().map(move |reading| Reading {
            ts_ms: reading.ts_ms + round * (span + gap),
            ..reading.clone()
        })
    };
    (0..3).flat_map(round).collect()
}

#[test]
fn a_loop_goes_on_in_event_time() {
    let scratch = Scratch::new();
    // Gaps all alike, so that the mean gap is a whole number of milliseconds; more than one block of the reader.
    let readings: Vec<Reading> = readings(Keys::Numbers)
        .into_iter()
        .zip(0..10_000)
        .map(|(reading, at)| Reading {
            ts_ms: 1_700_000_000_000 + 5 * at,
            ..reading
        })
        .collect();
    let expected = digest(&three_times(&readings), Keys::Numbers);
    scratch.file("t.csv", delimited(&readings, ','));
    let convert = scratch.run(&["trace", "convert", "t.csv", "t.mill"]);
    assert!(convert.status.success());
    for name in ["t.csv", "t.mill"] {
        for pace in [["--speed", "max"], ["--rate", "100000"]] {
            let looped = ["replay", name, "--app", "aggregate", "--loop", "3"];
            let args = [&looped[..], &pace].concat();
            let summary = scratch.summary(&args);
            assert_eq!(count(&summary, "events_in"), 30_000, "{args:?}");
            assert_eq!(count(&summary, "events_out"), 30_000, "{args:?}");
            assert_eq!(summary["digest"], expected, "{args:?}");
        }
    }
}

#[test]
fn a_limit_holds_for_each_round_of_a_loop() {
    let scratch = Scratch::new();
    scratch.file("t.csv", delimited(&two_hours(), ','));
    let args = "replay t.csv --app aggregate --limit 100 --loop 3";
    let args: Vec<&str> = args.split(' ').collect();
    assert_eq!(count(&scratch.summary(&args), "events_in"), 300);
}
