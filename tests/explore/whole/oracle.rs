//! The sequential run: what must come out of the stream of a seed, whatever happens on the way.

use millstream::app::aggregate::{Aggregated, Total};
use millstream::operator::{Emit, Operator, Retain};
use millstream::sink::Digestible;
use millstream::source::trace::native::KeyedRecord;
use millstream::state::States;
use millstream::sys::random::Random;
use std::collections::{BTreeMap, HashMap};

/// A key with so many readings is forgotten, and begins anew.
const COUNT_MAX: u64 = 40;
/// Marks the rows that tell a state at the end.
const END_NS: u64 = u64::MAX;

/// A stream, and what must come out of it.
pub(super) struct Oracle {
    pub(super) events: Vec<KeyedRecord>,
    /// Whether the flow has a second keyed stage, behind a second exchange.
    pub(super) two_stages: bool,
    /// How often each row is to be in the file.
    rows: BTreeMap<String, i64>,
    pub(super) digest: u64,
}

impl Oracle {
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::stream(seed, "flow");
        let keys = [1, 8, 60, 600][random.below(4) as usize];
        let count = random.below(1_500);
        let events: Vec<_> = (0..count)
            .map(|ts_ns| KeyedRecord {
                key: random.below(keys),
                value: random.next_u64() as i64 >> 40,
                ts_ns,
            })
            .collect();
        let two_stages = random.below(3) == 0;
        let mut oracle = Oracle {
            events: Vec::new(),
            two_stages,
            rows: BTreeMap::new(),
            digest: 0,
        };
        let mut first = HashMap::<u64, Total>::new();
        let mut second = HashMap::<u64, u64>::new();
        for event in &events {
            let (row, retain) = counted(first.entry(event.key).or_default(), event.key, event);
            oracle.expect(&row);
            *second.entry(bucket(&row)).or_default() += 1;
            if retain == Retain::Remove {
                first.remove(&event.key);
            }
        }
        for (key, total) in &first {
            let row = ended(*key, total);
            oracle.expect(&row);
            *second.entry(bucket(&row)).or_default() += 1;
        }
        if two_stages {
            second
                .iter()
                .for_each(|(bucket, seen)| oracle.expect(&bucket_row(*bucket, *seen)));
        }
        oracle.events = events;
        oracle
    }

    fn expect(&mut self, row: &Aggregated) {
        self.digest = self.digest.wrapping_add(row.digest());
        *self.rows.entry(line(row)).or_default() += 1;
    }

    /// Whether the file holds each row as often as it should, and no other.
    pub(super) fn check(&self, file: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(file).map_err(|error| error.to_string())?;
        let mut missing = self.rows.clone();
        for row in text.lines().skip(1) {
            *missing.entry(row.to_owned()).or_default() -= 1;
        }
        missing.retain(|_, count| *count != 0);
        let Some((row, count)) = missing.iter().next() else {
            return Ok(());
        };
        let (unlike, rows) = (missing.len(), self.events.len());
        Err(format!(
            "row {row:?} is there {} times too {}; {unlike} rows of {rows} events are not as often there as they should be",
            count.abs(),
            if *count > 0 { "few" } else { "many" }
        ))
    }
}

fn line(row: &Aggregated) -> String {
    let Aggregated {
        key,
        count,
        sum,
        min,
        max,
        last_ns,
    } = row;
    format!("{key},{count},{sum},{min},{max},{last_ns}")
}

fn counted(total: &mut Total, key: u64, event: &KeyedRecord) -> (Aggregated, Retain) {
    total.add(event.value, event.ts_ns);
    let retain = match total.count {
        COUNT_MAX => Retain::Remove,
        _ => Retain::Keep,
    };
    (total.record(key), retain)
}

fn ended(key: u64, total: &Total) -> Aggregated {
    Aggregated {
        last_ns: END_NS,
        ..total.record(key)
    }
}

/// Key of the second stage. Its states do not depend on the order in which rows of several keys come.
pub(super) fn bucket(row: &Aggregated) -> u64 {
    row.key % 7 * 16 + row.count % 16
}

fn bucket_row(bucket: u64, seen: u64) -> Aggregated {
    Aggregated {
        key: bucket,
        count: seen,
        last_ns: END_NS - 1,
        ..Aggregated::default()
    }
}

/// The first stage: a row for each reading, and at the end one for each key.
pub(super) struct Counted;

impl Operator for Counted {
    type In = KeyedRecord;
    type State = Total;
    type Out = Aggregated;

    fn process(
        &mut self,
        key: u64,
        event: &KeyedRecord,
        state: &mut Total,
        out: &mut impl Emit<Aggregated>,
    ) -> Retain {
        let (row, retain) = counted(state, key, event);
        out.emit(row);
        retain
    }

    fn end(&mut self, states: &mut dyn States<Total>, out: &mut impl Emit<Aggregated>) {
        states.for_each(&mut |key, total| out.emit(ended(key, total)));
    }
}

/// The second stage: lets rows through and counts them.
pub(super) struct Seen;

impl Operator for Seen {
    type In = Aggregated;
    type State = u64;
    type Out = Aggregated;

    fn process(
        &mut self,
        _: u64,
        event: &Aggregated,
        seen: &mut u64,
        out: &mut impl Emit<Aggregated>,
    ) -> Retain {
        *seen += 1;
        out.emit(*event);
        Retain::Keep
    }

    fn end(&mut self, states: &mut dyn States<u64>, out: &mut impl Emit<Aggregated>) {
        states.for_each(&mut |bucket, seen| out.emit(bucket_row(bucket, *seen)));
    }
}
