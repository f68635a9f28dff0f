//! The reader: a thread off the cores that reads and decodes a trace, and the feed it fills.
//!
//! ```text
//!   reader thread ── Block (events of one read) ──► BlockFeed, on a core
//!                 ◄── the emptied vector ──────────
//! ```
//!
//! Vectors travel round, so that a core neither allocates nor frees. Files, decompression and parsing stay
//! on the thread; a core that is ahead of it finds nothing and goes on to its other tasks.
//!
//! A feed that is to go on at a position is given another reader, which reads the first round from its start,
//! for its texts, and drops what lies before the position; later rounds before it are not read at all. The
//! dead-letter file is made anew with all letters of the first round, so that each is in it once, and no letter
//! that the earlier run had read ahead. Counted are only records read behind the position.

use super::journaled::{Journaled, JournaledError};
use super::position::{Identity, cannot_rewind, identity, refusal};
use super::reader_thread::{Item, NAP, Reader};
use super::replay::{Ahead, Feed, FeedPosition, Replayed};
use super::trace::{self, Counts, Texts, Trace, TraceError, TraceOptions};
use crate::task::{Figures, TaskError};
use bytemuck::Pod;
use rtrb::{Consumer, Producer, RingBuffer};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

/// Blocks under way: at 4,096 records a block enough for a hiccup of 10 ms at 5 M records/s.
const BLOCKS: usize = 16;
/// Bytes at each end of a file that tell it from another of its length.
const TELLING_BYTES: u64 = 64 << 10;

/// The core's end.
#[derive(Debug)]
pub struct BlockFeed<E> {
    lane: Lane<E>,
    block: Vec<E>,
    next: usize,
    /// The block begins a new round, and nobody has been told.
    new_round: bool,
    ended: bool,
    at: FeedPosition,
    reading: Reading,
    texts: Arc<Texts>,
    /// Nothing for what cannot be read again.
    identity: Option<Identity>,
    notes: Vec<String>,
    journal: Option<JournalEnd>,
}

/// The core's end of the journal of a live input.
#[derive(Debug)]
struct JournalEnd {
    /// Says where the reader begins; gone once it has.
    begin: Option<mpsc::Sender<u64>>,
    /// Those that were found.
    records: Range<u64>,
    covered: Arc<AtomicU64>,
}

/// The core's end of what one reader thread works on.
#[derive(Debug)]
struct Lane<E> {
    full: Consumer<Item<E>>,
    empty: Producer<Vec<E>>,
    counts: Arc<Mutex<Counts>>,
    thread: Option<JoinHandle<()>>,
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
    let identity = reading.identity()?;
    let lane = Lane::start(trace, reading.clone(), FeedPosition::default())?;
    let notes = notes.lines().map(str::to_owned).collect();
    let feed = BlockFeed::new(lane, reading, identity, texts.clone(), notes);
    Ok((feed, texts))
}

/// Why a live input with a journal did not start.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The input.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournaledError),
}

/// Starts the reader of a live input, which cannot rewind, with `journal` behind it. Where the run goes on, the
/// input is opened once the journal has been replayed; it may be at its end.
///
/// # Errors
/// When the input cannot be read as a trace, or the journal not be written or read.
pub fn start_journaled<E: Replayed + Pod>(
    reading: Reading,
    mut journal: Journaled,
) -> Result<(BlockFeed<E>, Arc<Texts>), LiveError> {
    let texts = Arc::<Texts>::default();
    let (mut notes, mut trace) = (Vec::new(), None);
    if journal.goes_on() {
        journal.restore_texts(&texts)?;
    } else {
        let opened = trace::open_with_texts(&reading.path, &reading.options, texts.clone())?;
        journal.start(opened.describe())?;
        notes.extend(opened.describe().to_string().lines().map(str::to_owned));
        trace = Some(opened);
    }
    notes.extend(journal.notes());
    let (begin, begins) = mpsc::channel();
    let end = JournalEnd {
        begin: Some(begin),
        records: journal.records(),
        covered: journal.covered(),
    };
    let (identity, known) = (Some(journal.input().clone()), texts.clone());
    let lane = Lane::spawn(
        reading.clone(),
        FeedPosition::default(),
        move |reader, told| {
            reader.run_journaled(journal, trace, known, &begins, told);
        },
    )?;
    let mut feed = BlockFeed::new(lane, reading, identity, texts.clone(), notes);
    feed.journal = Some(end);
    Ok((feed, texts))
}

impl Reading {
    /// What decides which records come; nothing for a pipe, which comes once.
    fn identity(&self) -> Result<Option<Identity>, TraceError> {
        let failed = |error| TraceError::io(&self.path, "read", error);
        let metadata = std::fs::metadata(&self.path).map_err(failed)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let options = TraceOptions {
            dead_letter: None,
            ..self.options.clone()
        };
        let options = toml::to_string(&options).unwrap_or_else(|_| format!("{options:?}"));
        let limit = self.limit.map_or("none".into(), |limit| limit.to_string());
        Ok(Some(identity(
            "trace",
            [
                ("bytes", metadata.len().to_string()),
                (
                    "hash of both ends",
                    ends(&self.path, metadata.len()).map_err(failed)?,
                ),
                ("records of a round at most", limit),
                ("rounds", self.rounds.max(1).to_string()),
                ("options", options.trim_end().replace('\n', ", ")),
            ],
        )))
    }
}

/// The hash of the first and the last bytes of a file.
fn ends(path: &Path, len: u64) -> io::Result<String> {
    let file = File::open(path)?;
    let mut bytes = vec![0; len.min(TELLING_BYTES) as usize];
    file.read_exact_at(&mut bytes, 0)?;
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(&bytes);
    file.read_exact_at(&mut bytes, len.saturating_sub(TELLING_BYTES))?;
    hash.update(&bytes);
    Ok(format!("{:016x}", hash.digest()))
}

impl<E> BlockFeed<E> {
    /// What `lane` reads, from the start, without a journal.
    fn new(
        lane: Lane<E>,
        reading: Reading,
        identity: Option<Identity>,
        texts: Arc<Texts>,
        notes: Vec<String>,
    ) -> Self {
        BlockFeed {
            lane,
            block: Vec::new(),
            next: 0,
            new_round: false,
            ended: false,
            at: FeedPosition::default(),
            reading,
            texts,
            identity,
            notes,
            journal: None,
        }
    }
}

impl<E: Replayed> Lane<E> {
    /// Starts a thread that reads `trace`, which is at its start, and hands on what lies behind `from`.
    fn start(trace: Trace, reading: Reading, from: FeedPosition) -> Result<Self, TraceError> {
        Lane::spawn(reading, from, move |reader, told| reader.run(trace, told))
    }

    fn spawn(
        reading: Reading,
        from: FeedPosition,
        body: impl FnOnce(Reader<E>, &Mutex<Counts>) + Send + 'static,
    ) -> Result<Self, TraceError> {
        let (full_in, full) = RingBuffer::new(BLOCKS);
        let (empty, empty_out) = RingBuffer::new(BLOCKS);
        let counts = Arc::new(Mutex::new(Counts::default()));
        let told = counts.clone();
        let path = reading.path.clone();
        let reader = Reader {
            reading,
            from,
            full: full_in,
            empty: empty_out,
        };
        let thread = std::thread::Builder::new()
            .name("reader".into())
            .spawn(move || body(reader, &told))
            .map_err(|error| TraceError::io(&path, "start the reader of", error))?;
        Ok(Lane {
            full,
            empty,
            counts,
            thread: Some(thread),
        })
    }

    /// Ends the thread and waits for it.
    fn stop(&mut self) {
        // The reader finds its ring abandoned.
        self.full = RingBuffer::new(1).1;
        if let Some(thread) = self.thread.take() {
            // One that panicked has nothing open any more either.
            let _ = thread.join();
        }
    }
}

impl JournalEnd {
    /// Has the reader begin with record number `record`, unless it has begun.
    fn begin_at(&mut self, record: u64, notes: &mut Vec<String>) {
        let Some(begin) = self.begin.take() else {
            return;
        };
        let replayed = self.records.end.saturating_sub(record);
        if self.records.end > 0 {
            notes.push(format!(
                "journal: {replayed} records replayed, from number {record} on"
            ));
        }
        // A reader that is gone has left its error in the ring, or abandoned it.
        let _ = begin.send(record);
    }
}

impl<E: Replayed> Feed<E> for BlockFeed<E> {
    fn ahead(&mut self) -> Result<Option<Ahead<'_, E>>, TaskError> {
        if let Some(journal) = &mut self.journal {
            journal.begin_at(0, &mut self.notes);
        }
        if self.next == self.block.len() && !self.ended {
            match self.lane.full.pop() {
                Err(_) => {}
                Ok(Item::End) => self.ended = true,
                Ok(Item::Error(error)) => return Err(refusal(&error)),
                Ok(Item::Block { events, new_round }) => {
                    let emptied = std::mem::replace(&mut self.block, events);
                    // The reader drained this ring to fill the other: there is room.
                    let _ = self.lane.empty.push(emptied);
                    self.next = 0;
                    self.new_round = new_round;
                    if new_round {
                        self.at.round += 1;
                        self.at.record = 0;
                    }
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
        self.at.record += count as u64;
    }

    fn has_rounds(&self) -> bool {
        self.reading.rounds > 1
    }

    fn position(&self) -> Option<(&[(String, String)], FeedPosition)> {
        Some((self.identity.as_deref()?, self.at))
    }

    /// Returns once the event at the position is there; with a journal at once.
    fn seek(&mut self, position: FeedPosition) -> Result<(), TaskError> {
        if let Some(journal) = &mut self.journal {
            let first = journal.records.start;
            if position.record < first {
                return Err(refusal(&format!(
                    "the checkpoint stands behind record {}, and the journal begins at {first}, where a newer \
                     checkpoint stood: restore that, or start afresh without --restore in other directories",
                    position.record
                )));
            }
            self.at = position;
            journal.begin_at(position.record, &mut self.notes);
            return Ok(());
        }
        let path = self.reading.path.display();
        if self.identity.is_none() {
            return Err(cannot_rewind(&format!("{path} is no file and")));
        }
        let failed = |error: TraceError| TaskError {
            message: error.to_string(),
            cause: None,
        };
        // The first reader has begun already; two must not write one dead-letter file. Its texts stay: the
        // trace is the same.
        let texts = self.texts.clone();
        self.lane.stop();
        let trace = trace::open_with_texts(&self.reading.path, &self.reading.options, texts);
        let trace = trace.map_err(failed)?;
        self.lane = Lane::start(trace, self.reading.clone(), position).map_err(failed)?;
        self.at = position;
        while self.lane.full.is_empty() && !self.lane.full.is_abandoned() {
            std::thread::sleep(NAP);
        }
        if matches!(self.lane.full.peek(), Ok(Item::Error(_)))
            && let Ok(Item::Error(error)) = self.lane.full.pop()
        {
            return Err(refusal(&error));
        }
        Ok(())
    }

    fn release(&mut self, position: FeedPosition) {
        if let Some(journal) = &self.journal {
            // Relaxed: the reader may trim later.
            journal
                .covered
                .fetch_max(position.record, Ordering::Relaxed);
        }
    }

    fn figures(&mut self, figures: &mut Figures) {
        if let Ok(counts) = self.lane.counts.lock() {
            figures.events_late = counts.late;
            figures.events_dead_letter = counts.bad;
        }
        figures.notes.append(&mut self.notes);
    }
}
