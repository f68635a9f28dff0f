//! One stream, one digest: whatever the file, its compression, the cores, the partitions, the sink.

use crate::oracle::{self, Keys, delimited, digest, digest_of, json_lines, readings, records};
use crate::scratch::{Scratch, count, stderr};
use millstream::sink::read_native;
use serde_json::Value;
use std::collections::HashMap;
use std::io::Write;

/// Replays `trace` through `aggregate` and asserts the digest.
fn assert_digest(scratch: &Scratch, trace: &str, more: &[&str], expected: &str, events: u64) {
    let args = [&["replay", trace, "--app", "aggregate"], more].concat();
    let summary = scratch.summary(&args);
    assert_eq!(count(&summary, "events_in"), events, "{args:?}");
    assert_eq!(summary["digest"], expected, "{args:?}");
}

/// `content` in every compression, with the ending of its name.
pub(crate) fn compressed(content: &[u8]) -> [(&'static str, Vec<u8>); 4] {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    let mut zst = zstd::stream::Encoder::new(Vec::new(), 3).expect("an encoder");
    zst.include_checksum(true).expect("set");
    gz.write_all(content).expect("to memory");
    bz2.write_all(content).expect("to memory");
    xz.write_all(content).expect("to memory");
    zst.write_all(content).expect("to memory");
    [
        ("gz", gz.finish().expect("to memory")),
        ("bz2", bz2.finish().expect("to memory")),
        ("xz", xz.finish().expect("to memory")),
        ("zst", zst.finish().expect("to memory")),
    ]
}

#[test]
fn whatever_the_format_and_the_compression() {
    for keys in [Keys::Numbers, Keys::Texts] {
        let scratch = Scratch::new();
        let readings = readings(keys);
        let (expected, events) = (digest(&readings, keys), readings.len() as u64);
        let csv = delimited(&readings, ',');
        scratch.file("t.csv", &csv);
        scratch.file("t.tsv", delimited(&readings, '\t'));
        scratch.file("t.jsonl", json_lines(&readings, keys));
        for (extension, bytes) in compressed(csv.as_bytes()) {
            scratch.file(&format!("t.csv.{extension}"), bytes);
        }
        let convert = scratch.run(&["trace", "convert", "t.csv", "t.mill"]);
        assert!(convert.status.success(), "{}", stderr(&convert));
        for name in [
            "t.csv",
            "t.tsv",
            "t.jsonl",
            "t.mill",
            "t.csv.gz",
            "t.csv.bz2",
            "t.csv.xz",
            "t.csv.zst",
        ] {
            assert_digest(&scratch, name, &[], &expected, events);
        }
    }
}

#[test]
fn whatever_the_cores_the_partitions_and_the_scheme() {
    let scratch = Scratch::new();
    let readings = readings(Keys::Numbers);
    let expected = digest(&readings, Keys::Numbers);
    scratch.file("t.csv", delimited(&readings, ','));
    for cores in ["1", "2", "3"] {
        for partitions in ["1", "4", "7"] {
            for scheme in ["hash", "range"] {
                let more = [
                    "--cores",
                    cores,
                    "--partitions",
                    partitions,
                    "--partition-by",
                    scheme,
                    // Even shares need to know where the keys end.
                    "-C",
                    "partition.max_key=3500",
                ];
                assert_digest(&scratch, "t.csv", &more, &expected, readings.len() as u64);
            }
        }
    }
}

#[test]
fn whatever_the_idle_strategy_the_rings_and_the_budget() {
    let scratch = Scratch::new();
    let readings = readings(Keys::Texts);
    let expected = digest(&readings, Keys::Texts);
    scratch.file("t.csv", delimited(&readings, ','));
    for more in [
        &["--idle", "busy"][..],
        &["--idle", "park", "--cores", "2"],
        &["-C", "runtime.ring_slots=1", "--cores", "1"],
        &["-C", "runtime.ring_slots=1", "--cores", "2"],
        &["-C", "runtime.budget=1"],
        &["-C", "runtime.pin=false", "--cores", "2"],
        &["-C", "state.expected_keys=100000"],
        &["--seed", "7"],
    ] {
        assert_digest(&scratch, "t.csv", more, &expected, readings.len() as u64);
    }
}

#[test]
fn whichever_core_a_task_and_whichever_cpu_a_core_is_given() {
    let scratch = Scratch::new();
    let readings = readings(Keys::Numbers);
    let expected = digest(&readings, Keys::Numbers);
    scratch.file("t.csv", delimited(&readings, ','));
    for allocate in ["auto", "greedy", "dp", "chains", "round-robin", "random"] {
        let more = ["--allocate", allocate, "--cores", "2"];
        assert_digest(&scratch, "t.csv", &more, &expected, readings.len() as u64);
    }
    let more = ["--cpus", "0"];
    assert_digest(&scratch, "t.csv", &more, &expected, readings.len() as u64);
}

/// The rows of a file of results: key, then count, sum, min, max, last.
fn rows(scratch: &Scratch, kind: &str, keys: Keys) -> Vec<[u64; 6]> {
    let path = scratch.path(&format!("results.{kind}"));
    let number = |text: &str| text.parse::<i64>().expect("a number") as u64;
    if kind == "native" {
        let results = read_native(&path).expect("a native file");
        let six = |row: &[u64]| row.try_into().expect("six words");
        return results.rows().map(six).collect();
    }
    let text = std::fs::read_to_string(path).expect("results");
    let csv_row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let [key, rest @ ..] = &fields[..] else {
            panic!("an empty row")
        };
        let mut row = [keys.id(key); 6];
        row[1..].copy_from_slice(&rest.iter().map(|text| number(text)).collect::<Vec<_>>());
        row
    };
    let json_row = |line: &str| {
        let value: Value = serde_json::from_str(line).expect("JSON");
        let key = value["key"].as_str().map(str::to_owned);
        let key = key.unwrap_or_else(|| value["key"].to_string());
        let mut row = [keys.id(&key); 6];
        for (place, name) in ["count", "sum", "min", "max", "last_ns"].iter().enumerate() {
            row[place + 1] = number(&value[name].to_string());
        }
        row
    };
    if kind == "csv" {
        let (header, rows) = text.split_once('\n').expect("a header");
        assert_eq!(header, "key,count,sum,min,max,last_ns");
        rows.lines().map(csv_row).collect()
    } else {
        text.lines().map(json_row).collect()
    }
}

#[test]
fn whatever_the_sink_and_its_file_holds_every_answer() {
    for keys in [Keys::Numbers, Keys::Texts] {
        let scratch = Scratch::new();
        let readings = readings(keys);
        let expected = digest(&readings, keys);
        scratch.file("t.csv", delimited(&readings, ','));
        let mut wanted = records(&readings, keys);
        wanted.sort_unstable();
        for kind in ["csv", "jsonl", "native"] {
            let file = format!("results.{kind}");
            let more = ["--sink", kind, "--sink-file", &file];
            assert_digest(&scratch, "t.csv", &more, &expected, readings.len() as u64);
            let rows = rows(&scratch, kind, keys);
            let found = rows.iter().copied().map(digest_of);
            assert_eq!(
                format!("{:016x}", found.fold(0, u64::wrapping_add)),
                expected,
                "{kind}: the rows have the digest that the summary says"
            );
            assert_counts_rise(&rows);
            let mut sorted = rows;
            sorted.sort_unstable();
            assert!(sorted == wanted, "{kind}: other rows than the oracle's");
        }
    }
}

/// The answers of one key stand in the order in which its readings came.
fn assert_counts_rise(rows: &[[u64; 6]]) {
    let mut counts = HashMap::new();
    for [key, count, ..] in rows {
        let before = counts.insert(key, count);
        assert_eq!(*count, before.map_or(1, |before| before + 1), "key {key}");
    }
}

#[test]
fn the_report_s_configuration_repeats_the_run() {
    let scratch = Scratch::new();
    let readings = readings(Keys::Texts);
    scratch.file("t.tsv", delimited(&readings, '\t'));
    let first = scratch.summary(&[
        "replay",
        "t.tsv",
        "--app",
        "aggregate",
        "--partitions",
        "3",
        "--limit",
        "12345",
        "--out",
        "first",
    ]);
    let again = scratch.summary(&["run", "first/config.toml", "--out", "again"]);
    assert_eq!(count(&again, "events_in"), 12_345);
    assert_eq!(again["digest"], first["digest"]);
    assert_eq!(
        again["digest"],
        oracle::digest(&readings[..12_345], Keys::Texts)
    );

    // A generated load has nothing but its seed.
    let bench = ["bench", "--rate", "max", "--events", "50000"];
    let keys = ["--keys", "zipf(0.99,1000)", "--seed", "7"];
    let load = scratch.summary(&[&bench[..], &keys, &["--out", "load"]].concat());
    let again = scratch.summary(&["run", "load/config.toml", "--out", "load-again"]);
    assert_eq!(again["digest"], load["digest"]);
    let other = scratch.summary(&["run", "load/config.toml", "--seed", "8", "--out", "other"]);
    assert_ne!(other["digest"], load["digest"], "the seed is what decides");
}

#[test]
fn a_scheme_that_spreads_keys_says_so_and_loses_nothing() {
    let scratch = Scratch::new();
    let readings = readings(Keys::Numbers);
    scratch.file("t.csv", delimited(&readings, ','));
    for scheme in ["random", "time"] {
        let replay = ["replay", "t.csv", "--partition-by", scheme];
        let summary = scratch.summary(&[&replay[..], &["--app", "aggregate"]].concat());
        assert_eq!(count(&summary, "events_out"), readings.len() as u64);
        let warnings = summary["warnings"].as_array().expect("warnings");
        let warned = |warning: &Value| warning.as_str().is_some_and(|text| text.contains(scheme));
        assert!(warnings.iter().any(warned), "{scheme}: {warnings:?}");
        // An answer to recommend needs the whole history of its user.
        scratch.assert_refused(&replay, 2, &["recommend", scheme]);
    }
}
