//! Event-time order: what happens to a stamp that is earlier than one before it.
//!
//! ```text
//!   sort, bound b          emitted │ held (a heap by stamp, then by arrival) │ latest so far
//!            late: dropped ◄───────┤◄── watermark = latest − b               │
//! ```
//!
//! Invariant: what leaves is in order of stamps (but for `Keep`), and records with equal stamps leave in the order in
//! which they came. A record that comes below the watermark is late. The heap holds at most `HELD_RECORDS_MAX`; when full,
//! the earliest leave although the bound has not passed, and the watermark rises to them.
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::options::Disorder;
use super::record::Record;

/// 4 Mi records of 56 bytes: 224 MiB, reached only by a sort bound that spans as many records.
const HELD_RECORDS_MAX: usize = 4 << 20;

/// What became of a record.
#[derive(Debug, PartialEq)]
pub(super) enum Fate {
    Delivered,
    Clamped,
    Held,
    Late,
    /// Earlier than this stamp (ns), where that ends the run.
    Refused(u64),
}

pub(super) struct Order {
    disorder: Disorder,
    latest_ns: u64,
    watermark_ns: u64,
    held: BinaryHeap<Reverse<Held>>,
    arrivals: u64,
    held_max: usize,
}

struct Held {
    ts_ns: u64,
    arrival: u64,
    record: Record,
}

impl Held {
    fn rank(&self) -> (u64, u64) {
        (self.ts_ns, self.arrival)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Order {
    pub(super) fn new(disorder: Disorder) -> Self {
        Order {
            disorder,
            latest_ns: 0,
            watermark_ns: 0,
            held: BinaryHeap::new(),
            arrivals: 0,
            held_max: HELD_RECORDS_MAX,
        }
    }

    /// The last record that left before had the stamp `ts_ns`: what leaves from now on is no earlier.
    pub(super) fn go_on_behind(&mut self, ts_ns: u64) {
        self.latest_ns = self.latest_ns.max(ts_ns);
        self.watermark_ns = self.watermark_ns.max(ts_ns);
    }

    /// Puts a record into its place: into `out`, among the held, or nowhere.
    #[inline]
    pub(super) fn place(&mut self, mut record: Record, out: &mut Vec<Record>) -> Fate {
        let in_order = record.ts_ns >= self.latest_ns;
        match self.disorder {
            Disorder::Sort { bound_ns } => return self.hold(record, bound_ns),
            Disorder::Clamp if !in_order => {
                record.ts_ns = self.latest_ns;
                out.push(record);
                return Fate::Clamped;
            }
            Disorder::Fail if !in_order => return Fate::Refused(self.latest_ns),
            _ => {}
        }
        self.latest_ns = record.ts_ns;
        out.push(record);
        Fate::Delivered
    }

    fn hold(&mut self, record: Record, bound_ns: u64) -> Fate {
        if record.ts_ns < self.watermark_ns {
            return Fate::Late;
        }
        self.latest_ns = self.latest_ns.max(record.ts_ns);
        self.watermark_ns = self
            .watermark_ns
            .max(self.latest_ns.saturating_sub(bound_ns));
        self.held.push(Reverse(Held {
            ts_ns: record.ts_ns,
            arrival: self.arrivals,
            record,
        }));
        self.arrivals += 1;
        Fate::Held
    }

    /// Lets out, up to `limit` in `out`, what nothing can come before any more; at the end of the trace, everything.
    pub(super) fn release(&mut self, at_end: bool, limit: usize, out: &mut Vec<Record>) {
        while out.len() < limit {
            let Some(Reverse(next)) = self.held.peek() else {
                return;
            };
            let forced = self.held.len() > self.held_max;
            // Not `<=`: a record at the watermark itself is still in time, and must find its equals held.
            if !(at_end || forced || next.ts_ns < self.watermark_ns) {
                return;
            }
            self.watermark_ns = self.watermark_ns.max(next.ts_ns);
            out.extend(self.held.pop().map(|Reverse(held)| held.record));
        }
    }

    /// How many records wait for their turn.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ts_ns: u64) -> Record {
        Record {
            ts_ns,
            ..Record::default()
        }
    }

    fn run(disorder: Disorder, stamps: &[u64]) -> (Vec<u64>, Vec<Fate>) {
        let (mut order, mut out) = (Order::new(disorder), Vec::new());
        let fates = stamps
            .iter()
            .map(|ts_ns| order.place(at(*ts_ns), &mut out))
            .collect();
        order.release(true, usize::MAX, &mut out);
        (out.iter().map(|record| record.ts_ns).collect(), fates)
    }

    #[test]
    fn clamp_keep_fail() {
        assert_eq!(run(Disorder::Clamp, &[5, 3, 9]).0, [5, 5, 9]);
        assert_eq!(run(Disorder::Clamp, &[5, 3, 9]).1[1], Fate::Clamped);
        assert_eq!(run(Disorder::Keep, &[5, 3, 9]).0, [5, 3, 9]);
        assert_eq!(run(Disorder::Fail, &[5, 3, 9]).1[1], Fate::Refused(5));
    }

    #[test]
    fn sort_drops_only_what_is_beyond_the_bound() {
        let (out, fates) = run(Disorder::Sort { bound_ns: 4 }, &[10, 6, 5, 20, 16, 15]);
        assert_eq!(out, [6, 10, 16, 20]);
        assert_eq!((&fates[2], &fates[5]), (&Fate::Late, &Fate::Late));
    }

    #[test]
    fn a_full_heap_lets_the_earliest_out_and_stays_in_order() {
        let mut order = Order::new(Disorder::Sort { bound_ns: u64::MAX });
        order.held_max = 2;
        let mut out = Vec::new();
        for ts_ns in [5, 9, 7] {
            order.place(at(ts_ns), &mut out);
        }
        order.release(false, 10, &mut out);
        assert_eq!((out.len(), out[0].ts_ns), (1, 5));
        assert_eq!(order.place(at(4), &mut out), Fate::Late);
    }

    proptest! {
        #[test]
        fn sorted_within_any_bound(stamps in prop::collection::vec(0u64..200, 0..300), bound_ns in 0u64..80, step in 1usize..20) {
            let mut order = Order::new(Disorder::Sort { bound_ns });
            let (mut out, mut expected, mut latest) = (Vec::new(), Vec::new(), 0u64);
            for (i, ts_ns) in stamps.iter().enumerate() {
                // The rule said plainly: late is what lies more than the bound behind the latest so far.
                latest = latest.max(*ts_ns);
                let in_time = *ts_ns >= latest.saturating_sub(bound_ns);
                let record = Record { key: i as u64, ..at(*ts_ns) };
                prop_assert_eq!(order.place(record, &mut out), if in_time { Fate::Held } else { Fate::Late });
                if in_time { expected.push(record) }
                if i % step == 0 { let limit = out.len() + step; order.release(false, limit, &mut out) }
            }
            order.release(true, usize::MAX, &mut out);
            expected.sort_by_key(|record| record.ts_ns);
            prop_assert_eq!(out, expected);
        }
    }
}
