//! What is in a trace: one pass over it, as it lies in the file.
//!
//! Distinct keys and items are counted exactly, in hash maps: 16 to 32 bytes for each.
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::description::Description;
use super::error::TraceError;
use super::intake::Counts;
use super::open::{Progress, open};
use super::options::{Disorder, TraceOptions};
use super::record::Record;
use super::texts::Texts;

/// How many of the most frequent keys are told.
const TOP_KEYS: usize = 10;

/// What is in a trace.
#[derive(Clone, Debug, Serialize)]
pub struct TraceInfo {
    /// What it was taken for.
    pub description: Description,
    /// Where the records went.
    pub counts: Counts,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// How many different keys.
    pub distinct_keys: u64,
    /// How many different items; `None` without items.
    pub distinct_items: Option<u64>,
    /// The values; `None` without values.
    pub values: Option<ValueSpan>,
    /// The earliest stamp, in ns; `None` without stamps, as all that follows.
    pub first_ns: Option<u64>,
    /// The latest stamp, in ns.
    pub last_ns: Option<u64>,
    /// Records a second, between the earliest and the latest stamp.
    pub rate_per_s: Option<f64>,
    /// Time from one record to the next.
    pub inter_arrival: Option<InterArrival>,
    /// Stamps earlier than one before them.
    pub disorder: Option<Disordered>,
    /// The most frequent keys, the most frequent first.
    pub top_keys: Vec<TopKey>,
}

/// The values of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ValueSpan {
    /// The least.
    pub min: i64,
    /// The greatest.
    pub max: i64,
    /// Of all of them.
    pub sum: i128,
}

/// Time from one record to the next, of those in order, to three significant digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct InterArrival {
    /// Half are shorter.
    pub ns_p50: u64,
    /// 99 % are shorter.
    pub ns_p99: u64,
    /// The longest.
    pub ns_max: u64,
    /// The share of records with the stamp of the one before (bursts), from 0 to 1.
    pub same_stamp_share: f64,
}

/// Stamps earlier than one before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Disordered {
    /// How many.
    pub records: u64,
    /// How far the worst lies behind the latest before it, in ns: the bound with which sorting loses none.
    pub behind_ns_max: u64,
}

/// A frequent key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TopKey {
    /// Its number, or hash.
    pub key: u64,
    /// Its text, if it has one.
    pub text: Option<String>,
    /// Its records.
    pub records: u64,
    /// Their share of all, from 0 to 1.
    pub share: f64,
}

/// Reads the whole trace at `path` and says what is in it; `progress` is called once a block.
///
/// The option `disorder` is not regarded: disorder is measured.
///
/// # Errors
/// Those of reading the trace.
pub fn info(
    path: &Path,
    options: &TraceOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<TraceInfo, TraceError> {
    let options = TraceOptions {
        disorder: Disorder::Keep,
        ..options.clone()
    };
    let mut trace = open(path, &options)?;
    let mut tally = Tally::new();
    let mut block = Vec::new();
    while trace.next_block(&mut block)? {
        block.iter().for_each(|record| tally.add(record));
        progress(trace.progress());
    }
    let description = trace.describe().clone();
    Ok(tally.told(
        description,
        trace.counts(),
        trace.progress().file_bytes,
        &trace.texts(),
    ))
}

/// Keys may be anything a file holds, so they are hashed by the standard library's seeded hash, against crafted ones.
struct Tally {
    keys: HashMap<u64, u64>,
    items: HashSet<u64>,
    values: ValueSpan,
    records: u64,
    first_ns: u64,
    latest_ns: u64,
    same_stamp: u64,
    disorder: Disordered,
    gaps: Histogram<u64>,
}

impl Tally {
    fn new() -> Self {
        Tally {
            keys: HashMap::default(),
            items: HashSet::default(),
            values: ValueSpan {
                min: i64::MAX,
                max: i64::MIN,
                sum: 0,
            },
            records: 0,
            first_ns: u64::MAX,
            latest_ns: 0,
            same_stamp: 0,
            disorder: Disordered::default(),
            gaps: Histogram::new(3).expect("3 significant digits are allowed"),
        }
    }

    fn add(&mut self, record: &Record) {
        *self.keys.entry(record.key).or_default() += 1;
        self.items.insert(record.item);
        self.values.min = self.values.min.min(record.value);
        self.values.max = self.values.max.max(record.value);
        self.values.sum += i128::from(record.value);
        self.first_ns = self.first_ns.min(record.ts_ns);
        match record.ts_ns.checked_sub(self.latest_ns) {
            Some(gap_ns) if self.records > 0 => {
                self.same_stamp += u64::from(gap_ns == 0);
                self.gaps.saturating_record(gap_ns);
            }
            Some(_) => {}
            None => {
                self.disorder.records += 1;
                self.disorder.behind_ns_max = self
                    .disorder
                    .behind_ns_max
                    .max(self.latest_ns - record.ts_ns);
            }
        }
        self.latest_ns = self.latest_ns.max(record.ts_ns);
        self.records += 1;
    }

    fn told(
        self,
        description: Description,
        counts: Counts,
        file_bytes: u64,
        texts: &Texts,
    ) -> TraceInfo {
        let has_time = description.has_time && self.records > 0;
        let share = |part: u64, whole: u64| {
            if whole == 0 {
                0.0
            } else {
                part as f64 / whole as f64
            }
        };
        let span_s = self.latest_ns.saturating_sub(self.first_ns) as f64 / 1e9;
        let inter_arrival = InterArrival {
            ns_p50: self.gaps.value_at_quantile(0.5),
            ns_p99: self.gaps.value_at_quantile(0.99),
            ns_max: self.gaps.max(),
            same_stamp_share: share(self.same_stamp, self.records),
        };
        let mut top: Vec<(u64, u64)> = self
            .keys
            .iter()
            .map(|(key, records)| (*key, *records))
            .collect();
        let rank = |(key, records): &(u64, u64)| (std::cmp::Reverse(*records), *key);
        if top.len() > TOP_KEYS {
            top.select_nth_unstable_by_key(TOP_KEYS, rank);
            top.truncate(TOP_KEYS);
        }
        top.sort_unstable_by_key(rank);
        let top_key = |(key, records): (u64, u64)| TopKey {
            key,
            text: texts
                .get(key)
                .filter(|_| description.key_is_text)
                .map(|text| text.as_str().to_string()),
            records,
            share: share(records, self.records),
        };
        TraceInfo {
            counts,
            file_bytes,
            distinct_keys: self.keys.len() as u64,
            distinct_items: description.has_item.then_some(self.items.len() as u64),
            values: (description.has_value && self.records > 0).then_some(self.values),
            first_ns: has_time.then_some(self.first_ns),
            last_ns: has_time.then_some(self.latest_ns),
            rate_per_s: (has_time && span_s > 0.0).then(|| self.records as f64 / span_s),
            inter_arrival: has_time.then_some(inter_arrival),
            disorder: has_time.then_some(self.disorder),
            top_keys: top.into_iter().map(top_key).collect(),
            description,
        }
    }
}

impl fmt::Display for TraceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.description)?;
        let Counts { read, bad, .. } = self.counts;
        writeln!(
            f,
            "records        {read}, {bad} of them bad; the file has {} bytes",
            self.file_bytes
        )?;
        write!(f, "distinct       {} keys", self.distinct_keys)?;
        if let Some(items) = self.distinct_items {
            write!(f, ", {items} items")?;
        }
        writeln!(f)?;
        if let Some(ValueSpan { min, max, sum }) = self.values {
            writeln!(f, "values         {min} to {max}, sum {sum}")?;
        }
        if let (Some(first), Some(last)) = (self.first_ns, self.last_ns) {
            writeln!(
                f,
                "time           {}, from {} to {} ns",
                Span(last - first),
                first,
                last
            )?;
        }
        if let Some(rate) = self.rate_per_s {
            writeln!(f, "rate           {rate:.3} records/s")?;
        }
        if let Some(gap) = self.inter_arrival {
            let (p50, p99, max) = (Span(gap.ns_p50), Span(gap.ns_p99), Span(gap.ns_max));
            let same = gap.same_stamp_share * 100.0;
            writeln!(
                f,
                "inter-arrival  p50 {p50}, p99 {p99}, max {max}; {same:.1} % share the stamp before them"
            )?;
        }
        match self.disorder {
            Some(Disordered { records: 0, .. }) => writeln!(f, "disorder       none")?,
            Some(Disordered {
                records,
                behind_ns_max,
            }) => {
                writeln!(
                    f,
                    "disorder       {records} records, up to {} behind",
                    Span(behind_ns_max)
                )?;
            }
            None => {}
        }
        for (rank, top) in self.top_keys.iter().enumerate() {
            let label = if rank == 0 { "top keys" } else { "" };
            let name = top.text.clone().unwrap_or_else(|| top.key.to_string());
            writeln!(
                f,
                "{label:<14} {:>9}  {:>5.2} %  {name}",
                top.records,
                top.share * 100.0
            )?;
        }
        Ok(())
    }
}

/// A span of time for people, to about three digits.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0 as f64;
        match self.0 {
            0..1_000 => write!(f, "{} ns", self.0),
            1_000..1_000_000 => write!(f, "{:.2} µs", ns / 1e3),
            1_000_000..1_000_000_000 => write!(f, "{:.2} ms", ns / 1e6),
            1_000_000_000..7_200_000_000_000 => write!(f, "{:.2} s", ns / 1e9),
            7_200_000_000_000..172_800_000_000_000 => write!(f, "{:.2} h", ns / 3.6e12),
            _ => write!(f, "{:.1} days", ns / 8.64e13),
        }
    }
}
