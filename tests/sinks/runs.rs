//! A run on two cores and simulated runs, into each format, against the sequential oracle.

use super::{digest, names, oracle, readings};
use millstream::app::aggregate::{Aggregate, Aggregated};
use millstream::flow::{Flow, Options};
use millstream::sink::{Digest, FileFormat, FileSink, FileWriter, read_native};
use millstream::source::trace::Texts;
use millstream::source::trace::native::KeyedRecord;
use millstream::source::{Iter, Slice};
use std::path::Path;
use std::sync::Arc;

const PARTITIONS: usize = 3;
/// More for each partition than its ring holds, so that the run is held up by the writer at times.
const READINGS: u64 = 100_000;

fn options() -> Options {
    Options {
        cores: 2,
        partitions: PARTITIONS,
        ..Options::default()
    }
}

fn create(
    path: &Path,
    format: FileFormat,
    texts: &Arc<Texts>,
) -> (FileWriter, Vec<FileSink<Aggregated>>) {
    FileWriter::create(path, format, PARTITIONS, texts.clone()).unwrap()
}

/// Runs `aggregate` into a file; returns its digest and rows.
fn run(
    path: &Path,
    format: FileFormat,
    readings: &[KeyedRecord],
    texts: &Arc<Texts>,
) -> (String, u64) {
    let (writer, sinks) = create(path, format, texts);
    let mut sinks = sinks.into_iter();
    let outcome = Flow::new(options())
        .source(
            "readings",
            Slice::new(readings.to_vec(), |reading: &KeyedRecord| reading.ts_ns),
        )
        .partition_by(|reading: &KeyedRecord| reading.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| sinks.next().unwrap())
        .run()
        .unwrap();
    assert!(!path.exists(), "the file has no name before it is finished");
    let rows = writer.finish().unwrap();
    (outcome.report.summary.digest, rows)
}

/// Rows as text, sorted: key, count, sum, min, max, last.
type Rows = Vec<[String; 6]>;
type Reader = fn(&Path) -> Rows;

fn expected(results: &[Aggregated], texts: &Texts) -> Rows {
    let rows = results.iter().map(|row| {
        let key = texts.get(row.key).unwrap().as_str().to_owned();
        let numbers = [row.sum, row.min, row.max].map(|number| number.to_string());
        let [sum, min, max] = numbers;
        [
            key,
            row.count.to_string(),
            sum,
            min,
            max,
            row.last_ns.to_string(),
        ]
    });
    sorted(rows.collect())
}

fn sorted(mut rows: Rows) -> Rows {
    rows.sort();
    rows
}

fn read_csv(path: &Path) -> Rows {
    let mut csv = csv::Reader::from_path(path).unwrap();
    let header = ["key", "count", "sum", "min", "max", "last_ns"];
    assert_eq!(csv.headers().unwrap(), &header[..]);
    let rows = csv.records().map(|row| {
        let row = row.unwrap();
        std::array::from_fn(|column| row[column].to_owned())
    });
    sorted(rows.collect())
}

fn read_jsonl(path: &Path) -> Rows {
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let key = row["key"].as_str().unwrap().to_owned();
        let number = |name: &str| row[name].as_i64().unwrap().to_string();
        let [count, sum, min, max, last] = ["count", "sum", "min", "max", "last_ns"].map(number);
        [key, count, sum, min, max, last]
    });
    sorted(rows.collect())
}

fn read_mill(path: &Path) -> Rows {
    let results = read_native(path).unwrap();
    let rows = results.rows().map(|words| {
        let key = String::from_utf8(results.texts[&words[0]].clone()).unwrap();
        let [sum, min, max] = [2, 3, 4].map(|column| (words[column] as i64).to_string());
        [
            key,
            words[1].to_string(),
            sum,
            min,
            max,
            words[5].to_string(),
        ]
    });
    sorted(rows.collect())
}

#[test]
fn each_format_holds_the_results_of_a_sequential_run() {
    let directory = tempfile::tempdir().unwrap();
    let (readings, texts) = readings(directory.path(), READINGS);
    let results = oracle(&readings);
    let expected = expected(&results, &texts);
    let readers: [(FileFormat, Reader); 3] = [
        (FileFormat::Csv, read_csv),
        (FileFormat::Jsonl, read_jsonl),
        (FileFormat::Native, read_mill),
    ];
    for (format, read) in readers {
        let path = directory.path().join("results");
        let (found, rows) = run(&path, format, &readings, &texts);
        assert_eq!((found, rows), (digest(&results), READINGS), "{format:?}");
        assert!(
            read(&path) == expected,
            "{format:?}: other rows than the oracle's"
        );
        assert_eq!(names(directory.path()), ["results"], "{format:?}");
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn the_digest_is_that_of_the_sink_that_discards() {
    let directory = tempfile::tempdir().unwrap();
    let (readings, texts) = readings(directory.path(), 5_000);
    let discarded = Flow::new(options())
        .source("readings", Iter::new(readings.clone().into_iter()))
        .partition_by(|reading: &KeyedRecord| reading.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Digest::default())
        .run()
        .unwrap();
    let path = directory.path().join("results.csv");
    let (found, _) = run(&path, FileFormat::Csv, &readings, &texts);
    assert_eq!(found, discarded.report.summary.digest);
}

#[test]
fn simulated_runs_write_the_same_rows() {
    let directory = tempfile::tempdir().unwrap();
    let (readings, texts) = readings(directory.path(), 700);
    let expected = expected(&oracle(&readings), &texts);
    let path = directory.path().join("results.csv");
    for seed in 0..20 {
        // Every run but the first replaces a file.
        let (writer, sinks) = create(&path, FileFormat::Csv, &texts);
        let mut sinks = sinks.into_iter();
        Flow::new(options())
            .source("readings", Iter::new(readings.clone().into_iter()))
            .partition_by(|reading: &KeyedRecord| reading.key)
            .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
            .sink(|_| sinks.next().unwrap())
            .simulate(seed)
            .unwrap();
        assert_eq!(writer.finish().unwrap(), 700, "seed {seed}");
        assert!(read_csv(&path) == expected, "seed {seed}");
    }
}

#[test]
fn a_run_without_results_leaves_a_file_without_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("results");
    let texts = Arc::new(Texts::default());
    assert_eq!(run(&path, FileFormat::Csv, &[], &texts).1, 0);
    let header = "key,count,sum,min,max,last_ns\n";
    assert_eq!(std::fs::read_to_string(&path).unwrap(), header);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(run(&path, FileFormat::Native, &[], &texts).1, 0);
    assert_eq!(read_native(&path).unwrap().rows().len(), 0);
}
