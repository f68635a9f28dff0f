//! `aggregate`: for each key its count, sum, smallest, largest and last reading; every event puts out the
//! updated record.
//!
//! ```text
//!   readings ──[hash(key)]──► aggregate, partition p ──► sink
//!                              48 bytes out for 24 in, one line of state touched
//! ```

use crate::event::Event;
use crate::flow::{Flow, FlowError, Options, Outcome};
use crate::operator::{Emit, Mergeable, Operator, Retain};
use crate::partition::Partitioning;
use crate::runtime::Update;
use crate::sink::{Column, Digestible, Kind, Row, Sink, xxh3_48};
use crate::source::Source;
use crate::source::trace::native::{ClickRecord, KeyedRecord};
use bytemuck::{Pod, Zeroable};
use serde::Serialize;

/// An event that can be aggregated.
pub trait Reading: Event {
    /// Whose it is.
    fn key(&self) -> u64;
    /// What was measured.
    fn value(&self) -> i64;
    /// When, in ns of event time.
    fn ts_ns(&self) -> u64;
}

impl Reading for KeyedRecord {
    #[inline(always)]
    fn key(&self) -> u64 {
        self.key
    }
    #[inline(always)]
    fn value(&self) -> i64 {
        self.value
    }
    #[inline(always)]
    fn ts_ns(&self) -> u64 {
        self.ts_ns
    }
}

impl Reading for ClickRecord {
    fn key(&self) -> u64 {
        self.key
    }
    fn value(&self) -> i64 {
        1
    }
    fn ts_ns(&self) -> u64 {
        self.ts_ns
    }
}

/// What is remembered of a key; all zero before its first reading.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Total {
    /// Readings.
    pub count: u64,
    /// Their wrapping sum.
    pub sum: i64,
    /// The smallest.
    pub min: i64,
    /// The largest.
    pub max: i64,
    /// Event time of the latest to arrive, ns.
    pub last_ns: u64,
}

/// The record after an event.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable, Serialize)]
pub struct Aggregated {
    /// Whose it is.
    pub key: u64,
    /// Readings so far.
    pub count: u64,
    /// Their wrapping sum.
    pub sum: i64,
    /// The smallest so far.
    pub min: i64,
    /// The largest so far.
    pub max: i64,
    /// Event time of this reading, ns.
    pub last_ns: u64,
}

impl Digestible for Aggregated {
    #[inline(always)]
    fn digest(&self) -> u64 {
        xxh3_48([
            self.key,
            self.count,
            self.sum as u64,
            self.min as u64,
            self.max as u64,
            self.last_ns,
        ])
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

impl Row for Aggregated {
    const COLUMNS: &'static [Column] = &[
        column("key", Kind::Key),
        column("count", Kind::U64),
        column("sum", Kind::I64),
        column("min", Kind::I64),
        column("max", Kind::I64),
        column("last_ns", Kind::TimeNs),
    ];

    fn words(&self, words: &mut [u64]) {
        words.copy_from_slice(bytemuck::cast_slice(std::slice::from_ref(self)));
    }
}

impl Total {
    /// Takes in a reading.
    #[inline(always)]
    pub fn add(&mut self, value: i64, ts_ns: u64) {
        let first = self.count == 0;
        self.count += 1;
        self.sum = self.sum.wrapping_add(value);
        self.min = if first { value } else { self.min.min(value) };
        self.max = if first { value } else { self.max.max(value) };
        self.last_ns = ts_ns;
    }

    /// Takes in what later readings came to.
    pub fn merge(&mut self, later: &Total) {
        if self.count == 0 || later.count == 0 {
            if later.count > 0 {
                *self = *later;
            }
            return;
        }
        self.count += later.count;
        self.sum = self.sum.wrapping_add(later.sum);
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.last_ns = later.last_ns;
    }

    /// The record of `key`.
    #[inline(always)]
    pub fn record(&self, key: u64) -> Aggregated {
        let Total {
            count,
            sum,
            min,
            max,
            last_ns,
        } = *self;
        Aggregated {
            key,
            count,
            sum,
            min,
            max,
            last_ns,
        }
    }
}

/// The operator.
#[derive(Debug)]
pub struct Aggregate<R>(std::marker::PhantomData<fn() -> R>);

impl<R> Default for Aggregate<R> {
    fn default() -> Self {
        Aggregate(std::marker::PhantomData)
    }
}

impl<R: Reading> Operator for Aggregate<R> {
    type In = R;
    type State = Total;
    type Out = Aggregated;

    #[inline(always)]
    fn process(
        &mut self,
        key: u64,
        event: &R,
        total: &mut Total,
        out: &mut impl Emit<Aggregated>,
    ) -> Retain {
        total.add(event.value(), event.ts_ns());
        out.emit(total.record(key));
        Retain::Keep
    }
}

impl<R: Reading> Mergeable for Aggregate<R> {
    #[inline(always)]
    fn fold(event: &R, total: &mut Total) {
        total.add(event.value(), event.ts_ns());
    }

    fn merge(total: &mut Total, later: &Total) {
        total.merge(later);
    }
}

/// What partitioning by content goes by. A function, so that its type does not depend on source and sink.
fn content_of<R: Reading>(reading: &R) -> u64 {
    reading.value() as u64
}

/// Runs `aggregate` over the readings of `source`.
///
/// # Errors
/// As [`crate::flow::Job::run`].
pub fn run<S, K>(
    options: Options,
    source: S,
    partitioning: Partitioning,
    make_sink: impl FnMut(usize) -> K,
    progress: &mut dyn FnMut(Update),
) -> Result<Outcome<K>, FlowError>
where
    S: Source,
    S::Event: Reading,
    K: Sink<Aggregated>,
{
    Flow::new(options)
        .source("readings", source)
        .partition_by(S::Event::key)
        .event_time(S::Event::ts_ns)
        .by_content(content_of::<S::Event>)
        .partitioning(partitioning)
        .keyed_mergeable("aggregate", |_| Aggregate::<S::Event>::default())
        .sink(make_sink)
        .run_with(progress)
}
