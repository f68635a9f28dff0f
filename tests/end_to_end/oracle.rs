//! `aggregate` said plainly: a map, one reading after the other, and the digest of what comes out.

use std::collections::HashMap;
use std::fmt::Write;
use xxhash_rust::xxh3::xxh3_64;

/// One reading, with the key as it stands in a file.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) key: String,
    pub(crate) value: i64,
    pub(crate) ts_ms: u64,
}

/// The number that a key is known by.
#[derive(Clone, Copy)]
pub(crate) enum Keys {
    Numbers,
    /// XXH3-64, seed 0, of the bytes.
    Texts,
}

impl Keys {
    pub(crate) fn id(self, key: &str) -> u64 {
        match self {
            Keys::Numbers => key.parse().expect("a number"),
            Keys::Texts => xxh3_64(key.as_bytes()),
        }
    }
}

/// The XXH3-64, seed 0, of a record's six fields.
pub(crate) fn digest_of(fields: [u64; 6]) -> u64 {
    let bytes: Vec<u8> = fields
        .iter()
        .flat_map(|field| field.to_le_bytes())
        .collect();
    xxh3_64(&bytes)
}

/// The records that `aggregate` must put out, in order: key, count, sum, min, max, last.
pub(crate) fn records(readings: &[Reading], keys: Keys) -> Vec<[u64; 6]> {
    let mut totals = HashMap::<&str, (u64, i64, i64, i64)>::new();
    let record = |reading: &'_ Reading, (count, sum, min, max): (u64, i64, i64, i64)| {
        [
            keys.id(&reading.key),
            count,
            sum as u64,
            min as u64,
            max as u64,
            reading.ts_ms * 1_000_000,
        ]
    };
    readings
        .iter()
        .map(|reading| {
            let value = reading.value;
            let total = totals
                .entry(&reading.key)
                .and_modify(|(count, sum, min, max)| {
                    (*count, *sum) = (*count + 1, *sum + value);
                    (*min, *max) = ((*min).min(value), (*max).max(value));
                })
                .or_insert((1, value, value, value));
            record(reading, *total)
        })
        .collect()
}

/// The digest that the summary must show.
pub(crate) fn digest(readings: &[Reading], keys: Keys) -> String {
    let sum = records(readings, keys)
        .into_iter()
        .map(digest_of)
        .fold(0, u64::wrapping_add);
    format!("{sum:016x}")
}

/// 20,000 readings of about 500 keys, some far busier than others, at rising times.
pub(crate) fn readings(keys: Keys) -> Vec<Reading> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = move |below: u64| {
        // Knuth's MMIX multiplier; the high bits are the good ones.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..20_000)
        .scan(1_700_000_000_000, |ts_ms, _| {
            *ts_ms += draw(3);
            let number = draw(500).min(draw(500));
            let key = match keys {
                Keys::Numbers => (number * 7).to_string(),
                Keys::Texts => format!("customer {number}"),
            };
            let value = draw(2001) as i64 - 1000;
            Some(Reading {
                key,
                value,
                ts_ms: *ts_ms,
            })
        })
        .collect()
}

/// Delimited text with a header.
pub(crate) fn delimited(readings: &[Reading], delimiter: char) -> String {
    let mut text = ["key", "value", "ts"].join(&delimiter.to_string()) + "\n";
    for Reading { key, value, ts_ms } in readings {
        writeln!(text, "{key}{delimiter}{value}{delimiter}{ts_ms}").expect("to memory");
    }
    text
}

/// An object a line.
pub(crate) fn json_lines(readings: &[Reading], keys: Keys) -> String {
    let quote = match keys {
        Keys::Numbers => "",
        Keys::Texts => "\"",
    };
    let lines = readings.iter().map(|Reading { key, value, ts_ms }| {
        format!("{{\"key\":{quote}{key}{quote},\"value\":{value},\"ts\":{ts_ms}}}\n")
    });
    lines.collect()
}
