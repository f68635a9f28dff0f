//! The reader: a thread off the cores that reads and decodes a trace, and the feed it fills.
//!
//! ```text
//!   reader thread ── Block (events of one read) ──► BlockFeed, on a core
//!                 ◄── the emptied vector ──────────
//! ```
//!
//! Vectors travel round, so that a core neither allocates nor frees. Files, decompression and parsing stay
//! on the thread; a core that is ahead of it finds nothing and goes on to its other tasks.

use super::replay::{Ahead, Feed, Replayed};
use super::trace::{self, Counts, Record, Texts, Trace, TraceError, TraceOptions};
use crate::task::{Figures, TaskError};
use rtrb::{Consumer, Producer, RingBuffer};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Blocks under way: at 4,096 records a block enough for a hiccup of 10 ms at 5 M records/s.
const BLOCKS: usize = 16;
/// How long the reader sleeps when the core has not yet taken what there is.
const NAP: Duration = Duration::from_micros(200);

#[derive(Debug)]
enum Item<E> {
    Block { events: Vec<E>, new_round: bool },
    End,
    Error(Box<TraceError>),
}

/// The core's end.
#[derive(Debug)]
pub struct BlockFeed<E> {
    full: Consumer<Item<E>>,
    empty: Producer<Vec<E>>,
    block: Vec<E>,
    next: usize,
    /// The block begins a new round, and nobody has been told.
    new_round: bool,
    ended: bool,
    counts: Arc<Mutex<Counts>>,
    notes: Vec<String>,
}

/// What to read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The file.
    pub path: PathBuf,
    /// How.
    pub options: TraceOptions,
    /// At most so many records a round.
    pub limit: Option<u64>,
    /// How often.
    pub rounds: u64,
}

/// Opens the trace and starts its reader.
///
/// # Errors
/// When the file cannot be read as a trace; nothing has started then.
pub fn start<E: Replayed>(reading: Reading) -> Result<(BlockFeed<E>, Arc<Texts>), TraceError> {
    let trace = trace::open(&reading.path, &reading.options)?;
    let texts = trace.texts();
    let notes = trace.describe().to_string();
    let (full_in, full_out) = RingBuffer::new(BLOCKS);
    let (empty_in, empty_out) = RingBuffer::new(BLOCKS);
    let counts = Arc::new(Mutex::new(Counts::default()));
    let told = counts.clone();
    let path = reading.path.clone();
    let reader = Reader {
        reading,
        full: full_in,
        empty: empty_out,
    };
    std::thread::Builder::new()
        .name("reader".into())
        .spawn(move || reader.run(trace, &told))
        .map_err(|error| TraceError::io(&path, "start the reader of", error))?;
    let feed = BlockFeed {
        full: full_out,
        empty: empty_in,
        block: Vec::new(),
        next: 0,
        new_round: false,
        ended: false,
        counts,
        notes: notes.lines().map(str::to_owned).collect(),
    };
    Ok((feed, texts))
}

struct Reader<E> {
    reading: Reading,
    full: Producer<Item<E>>,
    empty: Consumer<Vec<E>>,
}

impl<E: Replayed> Reader<E> {
    fn run(mut self, mut trace: Trace, told: &Mutex<Counts>) {
        let mut records = Vec::<Record>::new();
        let mut total = Counts::default();
        for round in 0..self.reading.rounds.max(1) {
            if round > 0 {
                // Opening the dead-letter file again would empty it: later rounds only count.
                self.reading.options.dead_letter = None;
                match trace::open_with_texts(
                    &self.reading.path,
                    &self.reading.options,
                    trace.texts(),
                ) {
                    Ok(again) => trace = again,
                    Err(error) => return self.put(Item::Error(Box::new(error))),
                }
            }
            let mut left = self.reading.limit.unwrap_or(u64::MAX);
            let mut new_round = round > 0;
            while left > 0 {
                match trace.next_block(&mut records) {
                    Ok(false) => break,
                    Ok(true) => {}
                    Err(error) => return self.put(Item::Error(Box::new(error))),
                }
                let take = usize::try_from(left)
                    .unwrap_or(usize::MAX)
                    .min(records.len());
                left -= take as u64;
                let mut events = self.empty.pop().unwrap_or_default();
                events.clear();
                events.extend(records[..take].iter().map(|record| E::from(*record)));
                if !events.is_empty() {
                    self.put(Item::Block { events, new_round });
                    new_round = false;
                }
                if self.full.is_abandoned() {
                    return;
                }
            }
            total = sum(total, trace.counts());
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

impl<E: Replayed> Feed<E> for BlockFeed<E> {
    fn ahead(&mut self) -> Result<Option<Ahead<'_, E>>, TaskError> {
        if self.next == self.block.len() && !self.ended {
            match self.full.pop() {
                Err(_) => {}
                Ok(Item::End) => self.ended = true,
                Ok(Item::Error(error)) => {
                    return Err(TaskError {
                        message: error.to_string(),
                        cause: None,
                    });
                }
                Ok(Item::Block { events, new_round }) => {
                    let emptied = std::mem::replace(&mut self.block, events);
                    // The reader drained this ring to fill the other: there is room.
                    let _ = self.empty.push(emptied);
                    self.next = 0;
                    self.new_round = new_round;
                }
            }
        }
        if self.ended {
            return Ok(None);
        }
        Ok(Some(Ahead {
            events: &self.block[self.next..],
            new_round: std::mem::take(&mut self.new_round),
        }))
    }

    fn pass(&mut self, count: usize) {
        self.next += count;
    }

    fn figures(&mut self, figures: &mut Figures) {
        if let Ok(counts) = self.counts.lock() {
            figures.events_late = counts.late;
            figures.events_dead_letter = counts.bad;
        }
        figures.notes.append(&mut self.notes);
    }
}
