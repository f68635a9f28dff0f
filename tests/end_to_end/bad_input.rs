//! Input that cannot be run: what is said of it, with which exit code, and that nothing is left behind.

use crate::oracle::{Keys, delimited, readings};
use crate::same_digest::compressed;
use crate::scratch::Scratch;

fn small() -> Scratch {
    let scratch = Scratch::new();
    scratch.file("good.csv", "key,value,ts\n1,2,1700000000\n1,3,1700000001\n");
    scratch
}

#[test]
fn files_that_are_no_traces() {
    let scratch = small();
    std::fs::create_dir(scratch.path("directory")).expect("a directory");
    for (name, content) in [
        ("empty.csv", ""),
        ("empty.jsonl", ""),
        ("empty.mill", ""),
        ("header.csv", "key,value,ts\n"),
        ("short.mill", "MILLTRC\0"),
        ("other.mill", "key,value\n1,2\n"),
    ] {
        scratch.file(name, content);
    }
    for name in [
        "missing.csv",
        "directory",
        "empty.csv",
        "empty.jsonl",
        "empty.mill",
        "header.csv",
        "short.mill",
        "other.mill",
    ] {
        for app in ["aggregate", "recommend"] {
            scratch.assert_refused(&["replay", name, "--app", app], 1, &[name]);
        }
        scratch.assert_refused(&["trace", "info", name], 1, &[name]);
        scratch.assert_refused(&["trace", "convert", name, "out.mill"], 1, &[name]);
    }
}

#[test]
fn compressed_files_cut_short_or_damaged() {
    let scratch = Scratch::new();
    let csv = delimited(&readings(Keys::Numbers), ',');
    for (extension, whole) in compressed(csv.as_bytes()) {
        let cut = format!("cut.csv.{extension}");
        let flipped = format!("flipped.csv.{extension}");
        let tail = format!("tail.csv.{extension}");
        scratch.file(&cut, &whole[..whole.len() / 2]);
        scratch.file(&tail, &whole[..whole.len() - 3]);
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 0x10;
        scratch.file(&flipped, bytes);
        // What a damaged stream still yields may be bad records, which are set aside as ever.
        scratch.file("letters.jsonl", "");
        for name in [&cut, &tail, &flipped] {
            // The results of what came before the damage are no results.
            let replay = ["replay", name, "--app", "aggregate"];
            let file = ["--sink", "csv", "--sink-file", "results.csv"];
            let letters = ["-C", "source.dead_letter=letters.jsonl"];
            let args = [&replay[..], &file, &letters].concat();
            scratch.assert_refused(&args, 1, &[name]);
            let convert = ["trace", "convert", name, "out.mill"];
            scratch.assert_refused(&[&convert[..], &letters].concat(), 1, &[name]);
        }
    }
    let plain = scratch.file("plain.csv.gz", &csv);
    assert!(plain.exists());
    scratch.assert_refused(&["replay", "plain.csv.gz"], 1, &["plain.csv.gz"]);
}

#[test]
fn a_native_trace_of_which_a_byte_is_wrong() {
    let scratch = Scratch::new();
    scratch.file("t.csv", delimited(&readings(Keys::Numbers), ','));
    let convert = scratch.run(&["trace", "convert", "t.csv", "t.mill"]);
    assert!(convert.status.success());
    let whole = std::fs::read(scratch.path("t.mill")).expect("a trace");
    for at in [8, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        scratch.file("bad.mill", bytes);
        let args = ["replay", "bad.mill", "--app", "aggregate"];
        scratch.assert_refused(&args, 1, &["bad.mill"]);
    }
    scratch.file("bad.mill", &whole[..whole.len() - 24]);
    scratch.assert_refused(&["replay", "bad.mill"], 1, &["bad.mill"]);
}

#[test]
fn settings_that_fit_no_file_or_no_machine() {
    let scratch = small();
    for (args, parts) in [
        (&["--columns", "key=kay"][..], &["kay", "key"][..]),
        (&["--columns", "nonsense=key"], &["nonsense"]),
        (&["--rate", "0"], &["pace.rate", "--rate"]),
        (&["--rate", "-1"], &["-1"]),
        (&["--speed", "0x"], &["pace.speed", "0x"]),
        (&["--limit", "0"], &["source.limit"]),
        (&["--loop", "0"], &["pace.loop"]),
        (&["--partitions", "1000000"], &["runtime.partitions"]),
        (&["--partitions", "0"], &["runtime.partitions"]),
        (&["--cores", "0"], &["runtime.cores"]),
        (&["--cores", "1000000"], &["runtime.cores"]),
        (
            &["--cpus", "8191"],
            &["CPU 8191 is not one", "cpus = \"auto\""],
        ),
        (&["--cpus", "0,0"], &["named twice"]),
        (
            &["--cpus", "0", "--cores", "2"],
            &["2 cores need 2 CPUs, and 1 is given"],
        ),
        (&["--cpus", "two"], &["runtime.cpus", "4-7"]),
        (
            &["--cpus", "0", "-C", "runtime.pin=false"],
            &["runtime.cpus", "runtime.pin"],
        ),
        (&["-C", "runtime.ring_slots=0"], &["runtime.ring_slots"]),
        (&["-C", "runtime.ring_slots=10G"], &["runtime.ring_slots"]),
        (&["-C", "runtime.budget=0"], &["runtime.budget"]),
        (
            &["-C", "state.expected_keys=18446744073709551615"],
            &["state.expected_keys"],
        ),
        (&["-C", "report.interval=0s"], &["report.interval"]),
        (&["--seed", "99999999999999999999"], &["seed"]),
        (&["--sink", "csv", "--sink-file", "."], &["directory"]),
    ] {
        let all = [&["replay", "good.csv", "--app", "aggregate"], args].concat();
        scratch.assert_refused(&all, 2, parts);
    }
    let unlike = [
        "bench",
        "--app",
        "recommend",
        "--partitions",
        "40",
        "--cores",
        "3",
    ];
    scratch.assert_refused(
        &[&unlike[..], &["--allocate", "dp"]].concat(),
        2,
        &["121 tasks on 3 cores", "greedy", "auto"],
    );
    scratch.assert_refused(&["bench", "--rate", "0"], 2, &["load.rate"]);
    scratch.assert_refused(&["bench", "--events", "0"], 2, &["load.events"]);
    scratch.assert_refused(&["bench", "--duration", "0s"], 2, &["load.duration"]);
    scratch.assert_refused(&["bench", "--keys", "uniform(0)"], 2, &["load.keys"]);
    scratch.assert_refused(&["bench", "--keys", "zipf(0.99)"], 2, &["load.keys"]);
}

#[test]
fn stamps_whose_unit_cannot_be_told() {
    let scratch = small();
    scratch.file("small.csv", "key,ts\n1,5\n2,6\n");
    scratch.assert_refused(&["replay", "small.csv"], 2, &["small.csv", "time_unit"]);
    let args = [
        "replay",
        "small.csv",
        "--time-unit",
        "s",
        "--app",
        "aggregate",
    ];
    let summary = scratch.summary(&args);
    assert_eq!(summary["events_in"], 2);
}

#[test]
fn places_that_cannot_be_written() {
    let scratch = small();
    scratch.file("taken", "mine");
    scratch.assert_refused(
        &[
            "replay",
            "good.csv",
            "--app",
            "aggregate",
            "--out",
            "taken/below",
        ],
        1,
        &["taken/below"],
    );
    assert_eq!(
        std::fs::read(scratch.path("taken")).expect("there"),
        b"mine"
    );
    let file = ["--sink", "csv", "--sink-file", "nowhere/results.csv"];
    let replay = ["replay", "good.csv", "--app", "aggregate"];
    scratch.assert_refused(&[&replay[..], &file].concat(), 1, &["nowhere"]);
}

#[test]
fn a_failed_run_leaves_the_results_of_an_earlier_one() {
    let scratch = Scratch::new();
    scratch.file("results.csv", "of an earlier run\n");
    scratch.file("t.csv", "key,value,ts\n1,2,1700000000\nx,3,1700000001\n");
    let replay = "replay t.csv --app aggregate --key-type u64 --on-bad-record fail \
        --sink csv --sink-file results.csv";
    let args: Vec<&str> = replay.split_whitespace().collect();
    scratch.assert_refused(&args, 1, &["line 3"]);
    let kept = std::fs::read_to_string(scratch.path("results.csv")).expect("there");
    assert_eq!(kept, "of an earlier run\n");
}
