//! The writer thread of one file: empties the rings of all partitions in turn.
//!
//! ```text
//!   round:  order = shared.order ─► each ring: encode ≤ TURN_ROWS rows, give the slots back
//!                                     │ moved nothing
//!                                     ├─ order Finish  ─► all partitions complete? end, sync, rename : error
//!                                     ├─ order Abandon ─► leave, removing the temporary file
//!                                     └─ order Write   ─► sleep
//! ```
//!
//! The first error is kept and the file dropped with it; from then on rows are read and thrown away.

use super::encode::{Encoder, FileFormat};
use super::error::SinkError;
use super::port::FileSink;
use super::whole_file::WholeFile;
use crate::sink::rows::{KeyTexts, Row, row_words, well_formed};
use rtrb::{Consumer, RingBuffer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes of the ring of one partition: at 48 bytes a row and 10 M rows/s it fills in 1 ms, the second sleep.
const RING_BYTES: usize = 512 << 10;
/// Fewest rows of a ring, for rows that are large.
const RING_ROWS_MIN: usize = 256;
/// Rows taken from one ring before the next has its turn: slots come back in lumps, and soon.
const TURN_ROWS: usize = 1024;
/// How long the thread sleeps when all rings are empty, at first and at last: doubled each time nothing has
/// come, since waking every 500 µs costs an idle engine 3 % of a CPU (measured). A ring that fills up sooner
/// wakes it.
const SLEEP_FIRST: Duration = Duration::from_micros(500);
const SLEEP_LAST: Duration = Duration::from_millis(4);

/// What the thread is to do besides writing; 0 is nothing.
const ORDER_FINISH: u8 = 1;
const ORDER_ABANDON: u8 = 2;

#[derive(Debug, Default)]
struct Shared {
    order: AtomicU8,
    failed: AtomicBool,
}

/// A file of results under way. Dropped before [`FileWriter::finish`], it leaves no file.
#[derive(Debug)]
pub struct FileWriter {
    path: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<u64, SinkError>>>,
}

impl FileWriter {
    /// Starts a file beside `path` and the thread that writes it, and makes a sink for each partition of the last
    /// stage. `path` is touched only by [`FileWriter::finish`].
    ///
    /// # Errors
    /// No such directory, no permission, a full disk; a directory or a device; a path that another sink of this
    /// process is writing; no thread.
    pub fn create<T: Row>(
        path: &Path,
        format: FileFormat,
        partitions: usize,
        texts: Arc<dyn KeyTexts>,
    ) -> Result<(FileWriter, Vec<FileSink<T>>), SinkError> {
        const {
            assert!(well_formed(T::COLUMNS), "1 to 24 bytes a column name");
            assert!(size_of::<T>() > 0, "a row has fields");
        }
        let file = WholeFile::create(path)?;
        let encoder = Encoder::new(file, format, T::COLUMNS, texts)
            .map_err(|error| SinkError::io(path, "write", error))?;
        let slots = (RING_BYTES / size_of::<T>()).max(RING_ROWS_MIN);
        let mut producers = Vec::with_capacity(partitions);
        let mut lanes = Vec::with_capacity(partitions);
        for _ in 0..partitions {
            let (producer, ring) = RingBuffer::new(slots);
            let complete = Arc::new(AtomicBool::new(false));
            producers.push((producer, complete.clone()));
            lanes.push(Lane { ring, complete });
        }
        let shared = Arc::new(Shared::default());
        let writing = Writing {
            path: path.to_path_buf(),
            encoder: Ok(encoder),
            lanes,
            words: vec![0; row_words(T::COLUMNS)],
            rows: 0,
            shared: shared.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("results".into())
            .spawn(move || writing.run())
            .map_err(|error| SinkError::io(path, "start a thread to write", error))?;
        let sinks = producers
            .into_iter()
            .map(|(ring, complete)| FileSink::new(ring, complete, thread.thread().clone()));
        let sinks = sinks.collect();
        let writer = FileWriter {
            path: path.to_path_buf(),
            shared,
            thread: Some(thread),
        };
        Ok((writer, sinks))
    }

    /// Whether writing has failed already, so that a long run may be ended early; `finish` says why.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// After a run that succeeded: writes what is left, syncs the file and gives it its name; returns its rows.
    ///
    /// # Errors
    /// The first error of writing; or a partition did not reach its end. The target is then as it was.
    pub fn finish(mut self) -> Result<u64, SinkError> {
        self.order(ORDER_FINISH).unwrap_or_else(|| {
            Err(SinkError::Panicked {
                file: self.path.clone(),
            })
        })
    }

    /// What the thread returns, once it has done so; `None` if it panicked.
    fn order(&mut self, order: u8) -> Option<Result<u64, SinkError>> {
        let thread = self.thread.take()?;
        self.shared.order.store(order, Ordering::Release);
        thread.thread().unpark();
        thread.join().ok()
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        let _ = self.order(ORDER_ABANDON);
    }
}

/// The writer's end of one partition.
struct Lane<T> {
    ring: Consumer<T>,
    complete: Arc<AtomicBool>,
}

/// What the thread owns.
struct Writing<T> {
    path: PathBuf,
    /// Or the first error.
    encoder: Result<Encoder, SinkError>,
    lanes: Vec<Lane<T>>,
    words: Vec<u64>,
    rows: u64,
    shared: Arc<Shared>,
}

impl<T: Row> Writing<T> {
    fn run(mut self) -> Result<u64, SinkError> {
        let mut sleep = SLEEP_FIRST;
        loop {
            // Before the rings: what was complete here has all its rows in the ring, and this round or one
            // before finds them.
            let order = self.shared.order.load(Ordering::Acquire);
            let complete = self.lanes.iter().filter(|lane| lane.is_complete()).count();
            if order == ORDER_ABANDON {
                return Ok(0);
            }
            if self.round() {
                sleep = SLEEP_FIRST;
                continue;
            }
            if order == ORDER_FINISH {
                return self.conclude(complete);
            }
            std::thread::park_timeout(sleep);
            sleep = SLEEP_LAST.min(sleep * 2);
        }
    }

    /// Takes from each ring once; whether there was anything.
    fn round(&mut self) -> bool {
        let mut moved = false;
        for lane in &mut self.lanes {
            let count = lane.ring.slots().min(TURN_ROWS);
            let Ok(chunk) = lane.ring.read_chunk(count) else {
                continue;
            };
            let (first, second) = chunk.as_slices();
            if let Ok(encoder) = &mut self.encoder {
                let written = write(encoder, first, &mut self.words)
                    .and_then(|()| write(encoder, second, &mut self.words));
                if let Err(error) = written {
                    // Drops the file, which removes it.
                    self.encoder = Err(SinkError::io(&self.path, "write", error));
                    self.shared.failed.store(true, Ordering::Relaxed);
                }
            }
            chunk.commit_all();
            self.rows += count as u64;
            moved |= count > 0;
        }
        moved
    }

    fn conclude(self, complete: usize) -> Result<u64, SinkError> {
        let encoder = self.encoder?;
        if complete < self.lanes.len() {
            return Err(SinkError::Unfinished {
                file: self.path,
                missing: self.lanes.len() - complete,
                partitions: self.lanes.len(),
            });
        }
        encoder
            .end(self.rows)
            .and_then(WholeFile::publish)
            .map_err(|error| SinkError::io(self.path, "write", error))?;
        Ok(self.rows)
    }
}

impl<T> Lane<T> {
    fn is_complete(&self) -> bool {
        // Acquire: pairs with the Release in `FileSink::tell_end`.
        self.complete.load(Ordering::Acquire)
    }
}

fn write<T: Row>(encoder: &mut Encoder, rows: &[T], words: &mut [u64]) -> io::Result<()> {
    for row in rows {
        row.words(words);
        encoder.row(words)?;
    }
    Ok(())
}
