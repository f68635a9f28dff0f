//! Files of results: they hold what a sequential run holds, read back as text where keys were text, and are
//! whole or not there.
mod epochs;
mod failures;
mod formats;
mod runs;

use millstream::app::aggregate::{Aggregated, Total};
use millstream::sink::Digestible;
use millstream::source::trace::native::KeyedRecord;
use millstream::source::trace::{Texts, TraceOptions, open};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Keys with everything that a format must quote.
const NAMES: [&str; 6] = [
    "plain",
    "with, comma",
    "with \"quotes\"",
    "två",
    " space ",
    "a\tb",
];

/// A trace of `count` readings with text keys, written as CSV and read back: events and their texts.
fn readings(directory: &Path, count: u64) -> (Vec<KeyedRecord>, Arc<Texts>) {
    let path = directory.join("readings.csv");
    let mut csv = csv::Writer::from_path(&path).unwrap();
    csv.write_record(["key", "value", "ts"]).unwrap();
    for place in 0..count {
        let name = format!("{} {}", NAMES[place as usize % 6], place % 97);
        let value = (place as i64 * 7919) % 1000 - 500;
        let ts_ns = 1_700_000_000_000_000_000 + place;
        csv.write_record([name, value.to_string(), ts_ns.to_string()])
            .unwrap();
    }
    csv.flush().unwrap();
    let mut trace = open(&path, &TraceOptions::default()).unwrap();
    let (mut block, mut readings) = (Vec::new(), Vec::new());
    while trace.next_block(&mut block).unwrap() {
        readings.extend(block.iter().map(|record| KeyedRecord::from(*record)));
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(readings.len() as u64, count);
    (readings, trace.texts())
}

/// What one loop over the readings puts out, in order.
fn oracle(readings: &[KeyedRecord]) -> Vec<Aggregated> {
    let mut totals = HashMap::<u64, Total>::new();
    let outputs = readings.iter().map(|reading| {
        let total = totals.entry(reading.key).or_default();
        total.add(reading.value, reading.ts_ns);
        total.record(reading.key)
    });
    outputs.collect()
}

/// As the report shows it.
fn digest(results: &[Aggregated]) -> String {
    let digests = results.iter().map(Digestible::digest);
    format!("{:016x}", digests.fold(0, u64::wrapping_add))
}

/// The names in a directory, hidden ones too.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
