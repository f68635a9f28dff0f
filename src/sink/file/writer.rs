//! The writer thread of one file: empties the rings of all partitions in turn.
//!
//! ```text
//!   round:  order = shared.order ─► each ring: encode ≤ TURN_ROWS rows, up to its mark; give the slots back
//!                                     ├─ all rings stand at the mark of an epoch ─► close it, go on
//!                                     │ moved nothing
//!                                     ├─ order Finish  ─► all partitions complete? end, sync, publish : error
//!                                     ├─ order Abandon ─► leave, removing a temporary file
//!                                     └─ order Write   ─► sleep
//! ```
//!
//! The first error is kept and the file dropped with it; from then on rows are read and thrown away.

use super::by_epochs::{ByEpochs, ResultsPart};
use super::destination::{Destination, Whole};
use super::encode::FileFormat;
use super::error::SinkError;
use super::port::{FileSink, Mark};
use crate::sink::rows::{KeyTexts, Row, row_words, well_formed};
use crate::sys::disk::Disk;
use rtrb::{Consumer, Producer, RingBuffer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, Thread};
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
        let whole = Whole::create(path, format, T::COLUMNS, texts)?;
        FileWriter::start(path, whole, partitions, 0)
    }

    /// Starts a file at `path` that grows by durable epochs; see `epoch_file.rs`. What was there goes now. Dropped
    /// before [`FileWriter::finish`], it leaves what [`FileWriter::restore`] needs.
    ///
    /// # Errors
    /// As for [`FileWriter::create`]; the native format.
    pub fn create_by_epochs<T: Row, D: Disk>(
        disk: D,
        path: &Path,
        format: FileFormat,
        partitions: usize,
        texts: Arc<dyn KeyTexts>,
        part: Box<dyn ResultsPart>,
    ) -> Result<(FileWriter, Vec<FileSink<T>>), SinkError> {
        let made = ByEpochs::create(disk, path, format, T::COLUMNS, texts, part)?;
        FileWriter::start(path, made, partitions, 0)
    }

    /// Goes on with the file at `path` where it stood at `position`, which its [`ResultsPart`] was given: rows of
    /// later epochs are gone, rows up to it are all there. Safe to repeat if it is interrupted.
    ///
    /// # Errors
    /// The file, or the rows beside it, are not those of the position; nothing is changed then. The system's.
    pub fn restore<T: Row, D: Disk>(
        disk: D,
        path: &Path,
        format: FileFormat,
        partitions: usize,
        texts: Arc<dyn KeyTexts>,
        part: Box<dyn ResultsPart>,
        position: &[u8],
    ) -> Result<(FileWriter, Vec<FileSink<T>>), SinkError> {
        let (restored, rows) =
            ByEpochs::restore(disk, path, format, T::COLUMNS, texts, part, position)?;
        FileWriter::start(path, restored, partitions, rows)
    }

    fn start<T: Row, O: Destination>(
        path: &Path,
        destination: O,
        partitions: usize,
        rows: u64,
    ) -> Result<(FileWriter, Vec<FileSink<T>>), SinkError> {
        let (writing, ports) = Writing::new(path, destination, partitions, rows);
        let shared = writing.shared.clone();
        let thread = std::thread::Builder::new()
            .name("results".into())
            .spawn(move || writing.run())
            .map_err(|error| SinkError::io(path, "start a thread to write", error))?;
        let sinks = ports.into_iter().map(|port| port.sink(thread.thread()));
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

    /// After a run that succeeded: writes what is left, syncs the file and gives it its name, or publishes all of it;
    /// returns its rows.
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
    marks: Receiver<Mark>,
    /// The next mark, once it is known.
    mark: Option<Mark>,
    /// Rows read so far.
    read: u64,
}

/// What a sink is made of, once it is known which thread it wakes.
pub(super) struct Unwoken<T> {
    ring: Producer<T>,
    complete: Arc<AtomicBool>,
    marks: Option<Sender<Mark>>,
}

impl<T: Row> Unwoken<T> {
    pub(super) fn sink(self, writer: &Thread) -> FileSink<T> {
        FileSink::new(self.ring, self.complete, self.marks, writer.clone())
    }
}

/// What the thread owns.
pub(super) struct Writing<T, O> {
    path: PathBuf,
    /// Or the first error.
    destination: Result<O, SinkError>,
    lanes: Vec<Lane<T>>,
    words: Vec<u64>,
    rows: u64,
    shared: Arc<Shared>,
}

impl<T: Row, O: Destination> Writing<T, O> {
    /// Rings to `destination`, which holds `rows` rows already.
    pub(super) fn new(
        path: &Path,
        destination: O,
        partitions: usize,
        rows: u64,
    ) -> (Self, Vec<Unwoken<T>>) {
        const {
            assert!(well_formed(T::COLUMNS), "1 to 24 bytes a column name");
            assert!(size_of::<T>() > 0, "a row has fields");
        }
        let slots = (RING_BYTES / size_of::<T>()).max(RING_ROWS_MIN);
        let mut producers = Vec::with_capacity(partitions);
        let mut lanes = Vec::with_capacity(partitions);
        for _ in 0..partitions {
            let (producer, ring) = RingBuffer::new(slots);
            let complete = Arc::new(AtomicBool::new(false));
            let (mark, marks) = channel();
            let mark = O::BY_EPOCHS.then_some(mark);
            producers.push(Unwoken {
                ring: producer,
                complete: complete.clone(),
                marks: mark,
            });
            lanes.push(Lane {
                ring,
                complete,
                marks,
                mark: None,
                read: 0,
            });
        }
        let writing = Writing {
            path: path.to_path_buf(),
            destination: Ok(destination),
            lanes,
            words: vec![0; row_words(T::COLUMNS)],
            rows,
            shared: Arc::default(),
        };
        (writing, producers)
    }

    fn run(mut self) -> Result<u64, SinkError> {
        let mut sleep = SLEEP_FIRST;
        loop {
            // Before the rings: what was complete here has all its rows in the ring, and this round or one
            // before finds them.
            let order = self.shared.order.load(Ordering::Acquire);
            let complete = self.complete();
            if order == ORDER_ABANDON {
                return Ok(0);
            }
            if self.round() | self.close_epoch() {
                sleep = SLEEP_FIRST;
                continue;
            }
            if order == ORDER_FINISH {
                return self.conclude(complete);
            }
            self.with_destination(O::check);
            std::thread::park_timeout(sleep);
            sleep = SLEEP_LAST.min(sleep * 2);
        }
    }

    /// Partitions that have put their last row into their ring.
    pub(super) fn complete(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.is_complete()).count()
    }

    /// The destination, and what becomes of an error of it: from then on rows are thrown away.
    pub(super) fn with_destination<R>(
        &mut self,
        act: impl FnOnce(&mut O) -> io::Result<R>,
    ) -> Option<R> {
        match self.destination.as_mut().ok().map(act)? {
            Ok(done) => Some(done),
            Err(error) => {
                self.destination = Err(SinkError::io(&self.path, "write", error));
                self.shared.failed.store(true, Ordering::Relaxed);
                None
            }
        }
    }

    /// Takes from each ring once; whether there was anything.
    pub(super) fn round(&mut self) -> bool {
        let mut moved = false;
        for lane in &mut self.lanes {
            let count = lane.ready().min(TURN_ROWS);
            let Ok(chunk) = lane.ring.read_chunk(count) else {
                continue;
            };
            let (first, second) = chunk.as_slices();
            if let Ok(destination) = &mut self.destination {
                let written = write(destination, first, &mut self.words)
                    .and_then(|()| write(destination, second, &mut self.words));
                if let Err(error) = written {
                    // Drops a temporary file, which removes it.
                    self.destination = Err(SinkError::io(&self.path, "write", error));
                    self.shared.failed.store(true, Ordering::Relaxed);
                }
            }
            chunk.commit_all();
            lane.read += count as u64;
            self.rows += count as u64;
            moved |= count > 0;
        }
        moved
    }

    /// Closes the epoch at whose marks all rings stand; whether they did.
    pub(super) fn close_epoch(&mut self) -> bool {
        let mut epochs = self.lanes.iter().map(Lane::stands_at);
        let Some(Some(epoch)) = epochs.next() else {
            return false;
        };
        // Barriers reach every partition in one order.
        if !epochs.all(|other| other == Some(epoch)) {
            return false;
        }
        self.lanes.iter_mut().for_each(|lane| lane.mark = None);
        let rows = self.rows;
        self.with_destination(|destination| destination.close(epoch, rows));
        true
    }

    pub(super) fn conclude(self, complete: usize) -> Result<u64, SinkError> {
        let destination = self.destination?;
        if complete < self.lanes.len() {
            return Err(SinkError::Unfinished {
                file: self.path,
                missing: self.lanes.len() - complete,
                partitions: self.lanes.len(),
            });
        }
        destination
            .end(self.rows)
            .map_err(|error| SinkError::io(self.path, "write", error))?;
        Ok(self.rows)
    }
}

impl<T> Lane<T> {
    fn is_complete(&self) -> bool {
        // Acquire: pairs with the Release in `FileSink::tell_end`.
        self.complete.load(Ordering::Acquire)
    }

    /// Rows that may be read now: those in the ring, up to the next mark.
    fn ready(&mut self) -> usize {
        // The ring before the marks: a mark was sent before any row behind it was put into the ring.
        let count = self.ring.slots();
        if self.mark.is_none() {
            self.mark = self.marks.try_recv().ok();
        }
        let before_mark = self.mark.map_or(u64::MAX, |mark| mark.rows - self.read);
        usize::try_from(before_mark)
            .unwrap_or(usize::MAX)
            .min(count)
    }

    /// The epoch at whose end it stands.
    fn stands_at(&self) -> Option<u64> {
        self.mark
            .filter(|mark| mark.rows == self.read)
            .map(|mark| mark.epoch)
    }
}

fn write<T: Row, O: Destination>(
    destination: &mut O,
    rows: &[T],
    words: &mut [u64],
) -> io::Result<()> {
    for row in rows {
        row.words(words);
        destination.row(words)?;
    }
    Ok(())
}
