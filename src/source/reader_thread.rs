//! The thread's side of the reader: reads and decodes a trace, and hands on blocks of events.
//!
//! ```text
//!   a file:       each round: open ─ drop what lies before the position ─ blocks ─► ring
//!   live input:   journal from the position ─► ring;  then each block: append to the journal ─► ring
//! ```
//!
//! Owns the trace, and the journal where there is one. A full ring holds it back; an abandoned one ends it.

use super::journaled::Journaled;
use super::reader::Reading;
use super::replay::{FeedPosition, Replayed};
use super::trace::{self, Counts, ErrorKind, Record, Texts, Trace, TraceError};
use bytemuck::Pod;
use rtrb::{Consumer, Producer};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long the reader sleeps when the core has not yet taken what there is.
pub(super) const NAP: Duration = Duration::from_micros(200);
/// What the thread hands to the core.
#[derive(Debug)]
pub(super) enum Item<E> {
    Block { events: Vec<E>, new_round: bool },
    End,
    Error(String),
}

/// The thread's end.
pub(super) struct Reader<E> {
    pub(super) reading: Reading,
    /// What lies before it is not handed on.
    pub(super) from: FeedPosition,
    pub(super) full: Producer<Item<E>>,
    pub(super) empty: Consumer<Vec<E>>,
}

impl<E: Replayed> Reader<E> {
    /// Reads `trace`, which is at its start, round after round.
    pub(super) fn run(mut self, mut trace: Trace, told: &Mutex<Counts>) {
        let mut records = Vec::<Record>::new();
        let mut total = Counts::default();
        for round in 0..self.reading.rounds.max(1) {
            let skips_round = round < self.from.round;
            if round > 0 {
                if skips_round {
                    continue;
                }
                // Opening the dead-letter file again would empty it: later rounds only count.
                self.reading.options.dead_letter = None;
                match trace::open_with_texts(
                    &self.reading.path,
                    &self.reading.options,
                    trace.texts(),
                ) {
                    Ok(again) => trace = again,
                    Err(error) => return self.put(Item::Error(error.to_string())),
                }
            }
            let mut left = self.reading.limit.unwrap_or(u64::MAX);
            let mut skip = match round {
                _ if skips_round => u64::MAX,
                round if round == self.from.round => self.from.record,
                _ => 0,
            };
            let mut before = Counts::default();
            let mut new_round = round > self.from.round;
            while left > 0 {
                match trace.next_block(&mut records) {
                    Ok(false) => break,
                    Ok(true) => {}
                    Err(error) => return self.put(Item::Error(error.to_string())),
                }
                let take = usize::try_from(left)
                    .unwrap_or(usize::MAX)
                    .min(records.len());
                left -= take as u64;
                let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(take);
                skip -= skipped as u64;
                if skipped > 0 {
                    before = trace.counts();
                }
                let mut events = self.empty.pop().unwrap_or_default();
                events.clear();
                events.extend(records[skipped..take].iter().map(|record| E::from(*record)));
                if !events.is_empty() {
                    self.put(Item::Block { events, new_round });
                    new_round = false;
                }
                if self.full.is_abandoned() {
                    return;
                }
            }
            if skips_round {
                continue;
            }
            if skip > 0 {
                let error = TraceError::shorter(&self.reading.path, self.from.record, skip);
                return self.put(Item::Error(error.to_string()));
            }
            total = sum(total, difference(trace.counts(), before));
            if let Ok(mut counts) = told.lock() {
                *counts = total;
            }
        }
        self.put(Item::End);
    }

    fn put(&mut self, mut item: Item<E>) {
        while let Err(rtrb::PushError::Full(back)) = self.full.push(item) {
            if self.full.is_abandoned() {
                return;
            }
            item = back;
            std::thread::sleep(NAP);
        }
    }
}

impl<E: Replayed + Pod> Reader<E> {
    /// Replays `journal` from the record that `begin` brings, then appends to it what the input gives, and hands it
    /// on. `trace` is the input, where it was opened already.
    pub(super) fn run_journaled(
        mut self,
        mut journal: Journaled,
        trace: Option<Trace>,
        texts: Arc<Texts>,
        begin: &Receiver<u64>,
        told: &Mutex<Counts>,
    ) {
        // The feed is gone: nothing has begun.
        let Ok(from) = begin.recv() else { return };
        let read = self.replay(&mut journal, from);
        let read = read.and_then(|()| self.go_on(&mut journal, trace, texts, told));
        self.put(read.map_or_else(Item::Error, |()| Item::End));
    }

    fn replay(&mut self, journal: &mut Journaled, from: u64) -> Result<(), String> {
        journal.go_to(from).map_err(|error| error.to_string())?;
        let shown = journal.read(from, |bytes| {
            let records = bytes.chunks_exact(size_of::<E>());
            let mut events = self.empty.pop().unwrap_or_default();
            events.clear();
            events.extend(records.map(bytemuck::pod_read_unaligned::<E>));
            let new_round = false;
            self.put(Item::Block { events, new_round });
        });
        shown.map_err(|error| error.to_string())
    }

    fn go_on(
        &mut self,
        journal: &mut Journaled,
        trace: Option<Trace>,
        texts: Arc<Texts>,
        told: &Mutex<Counts>,
    ) -> Result<(), String> {
        let limit = self.reading.limit.unwrap_or(u64::MAX);
        let mut left = limit.saturating_sub(journal.records().end);
        let (path, options) = (&self.reading.path, &self.reading.options);
        let mut trace = match trace.map_or_else(|| trace::open_with_texts(path, options, texts), Ok)
        {
            Ok(trace) => trace,
            // All of it was in the journal.
            Err(error) if matches!(error.kind(), ErrorKind::Empty | ErrorKind::HeaderOnly) => {
                return Ok(());
            }
            Err(error) => return Err(error.to_string()),
        };
        if let Some(mismatch) = journal.mismatch(trace.describe()) {
            return Err(mismatch);
        }
        trace.keep_new_texts();
        let mut last_ns = 0;
        let last = journal.read_last(|bytes| {
            let records = bytes.chunks_exact(size_of::<E>());
            last_ns = records
                .last()
                .map_or(0, |last| bytemuck::pod_read_unaligned::<E>(last).ts_ns());
        });
        last.map_err(|error| error.to_string())?;
        // A stamp that goes back is clamped, or late, as if there had been no break.
        trace.go_on_behind(last_ns);
        let mut records = Vec::<Record>::new();
        while left > 0 && !self.full.is_abandoned() {
            match trace.next_block(&mut records) {
                Ok(false) => break,
                Ok(true) => {}
                Err(error) => return Err(error.to_string()),
            }
            records.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= records.len() as u64;
            let mut events = self.empty.pop().unwrap_or_default();
            events.clear();
            events.extend(records.iter().map(|record| E::from(*record)));
            let appended = journal.append(&mut trace, bytemuck::cast_slice(&events));
            appended.map_err(|error| error.to_string())?;
            if let Ok(mut counts) = told.lock() {
                *counts = trace.counts();
            }
            let new_round = false;
            self.put(Item::Block { events, new_round });
        }
        journal.sync().map_err(|error| error.to_string())
    }
}

/// What was counted since `before`. Records held back for sorting may have been fewer by then.
fn difference(now: Counts, before: Counts) -> Counts {
    Counts {
        read: now.read - before.read,
        delivered: now.delivered - before.delivered,
        bad: now.bad - before.bad,
        late: now.late - before.late,
        clamped: now.clamped - before.clamped,
        held: now.held.saturating_sub(before.held),
    }
}

fn sum(a: Counts, b: Counts) -> Counts {
    Counts {
        read: a.read + b.read,
        delivered: a.delivered + b.delivered,
        bad: a.bad + b.bad,
        late: a.late + b.late,
        clamped: a.clamped + b.clamped,
        held: a.held + b.held,
    }
}
