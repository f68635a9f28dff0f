//! The destination of rows that grows by epochs: bytes to segments here, epochs to the publisher thread.
//!
//! ```text
//!   writer thread:  rows ─► encoder ─► segment ── epoch closed ──┐ channel
//!   publisher thread:   sync ─► part.ready(epoch, position) ◄────┘
//!                       part.durable() moved on? append to the file, sync, remove segments
//! ```
//!
//! In a simulated run there is no publisher thread: its turns are steps (`stepped.rs`).
//!
//! The writer thread never waits for a sync, or the rings would fill up behind it and hold up events. After
//! an error no further epoch is handed to the checkpoint: none becomes durable without its rows. The checkpoint is told
//! that none will be ([`ResultsPart::gone`]): a source at its end would wait for the epoch under way.

use super::destination::Destination;
use super::encode::{Encoder, FileFormat, Output};
use super::epoch_file::{self, Closed, Publisher, Segments};
use super::epoch_position::EpochPosition;
use super::error::SinkError;
use super::whole_file::Claim;
use crate::sink::rows::{Column, KeyTexts};
use crate::sys::disk::Disk;
use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Handed on to the segment at a time, bytes.
const STAGED_BYTES: usize = 256 << 10;
/// How often the publisher asks whether an epoch has become durable: 100 wake-ups a second cost 0.1 % of a CPU.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// The part of a checkpoint that a file of results is, as the file sees it. Used by a thread off the cores.
pub trait ResultsPart: Send {
    /// The rows up to `epoch` are safe. `position` belongs into the checkpoint: [`FileWriter::restore`] goes on there.
    ///
    /// [`FileWriter::restore`]: super::FileWriter::restore
    fn ready(&mut self, epoch: u64, position: &[u8]);

    /// The newest epoch that is durable, 0 before the first: its rows may be published.
    fn durable(&self) -> u64;

    /// The file came to an end before the run did: nothing is ready any more.
    fn gone(&mut self);
}

/// What the encoder writes to. `csv::Writer` only lends it, hence the cell.
#[derive(Default)]
struct Staged(RefCell<Vec<u8>>);

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for Staged {
    fn overwrite_start(&mut self, _: &[u8]) -> io::Result<()> {
        // Native files are refused before they start.
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A file that grows by durable epochs.
pub(super) struct ByEpochs<D: Disk> {
    encoder: Encoder<Staged>,
    segments: Segments<D>,
    /// Gone once the publisher is to leave.
    epochs: Option<Sender<Order<D::File>>>,
    publisher: Option<Publishes<D>>,
    /// About so many bytes of rows since they were last handed on.
    staged_bytes: usize,
    _claim: Option<Claim>,
}

/// Who publishes.
enum Publishes<D: Disk> {
    Thread(JoinHandle<io::Result<()>>),
    Steps(Box<Turns<D>>),
}

/// What the publisher owns.
struct Turns<D: Disk> {
    publisher: Publisher<D>,
    orders: Receiver<Order<D::File>>,
    part: Told,
    format: FileFormat,
    published: u64,
}

/// The part of the checkpoint, which is told if the file does not come to its end.
struct Told {
    part: Box<dyn ResultsPart>,
    is_whole: bool,
}

impl Drop for Told {
    fn drop(&mut self) {
        if !self.is_whole {
            self.part.gone();
        }
    }
}

/// What the publisher is told.
enum Order<F> {
    Keep(Closed<F>),
    Finish(Closed<F>),
}

impl<D: Disk> ByEpochs<D> {
    /// A new file, in place of what is at `path`.
    pub(super) fn create(
        disk: D,
        path: &Path,
        format: FileFormat,
        columns: &'static [Column],
        texts: Arc<dyn KeyTexts>,
        part: Box<dyn ResultsPart>,
    ) -> Result<Self, SinkError> {
        refuse_native(path, format)?;
        let claim = Claim::to(path)?;
        let ends = epoch_file::create(disk, claim.path())?;
        let encoder = Encoder::new(Staged::default(), format, columns, texts);
        Self::start(claim, path, ends, encoder, format, part)
    }

    /// The file at `path` as it was at `position`, and its rows by then.
    pub(super) fn restore(
        disk: D,
        path: &Path,
        format: FileFormat,
        columns: &'static [Column],
        texts: Arc<dyn KeyTexts>,
        part: Box<dyn ResultsPart>,
        position: &[u8],
    ) -> Result<(Self, u64), SinkError> {
        refuse_native(path, format)?;
        let claim = Claim::to(path)?;
        let position = EpochPosition::decode(claim.path(), format, position)?;
        let ends = epoch_file::restore(disk, claim.path(), &position)?;
        let encoder = encoder(position.len, format, columns, texts);
        let restored = Self::start(claim, path, ends, encoder, format, part)?;
        Ok((restored, position.rows))
    }

    /// A file at `path` of a disk that no other program can reach: new, or as it was at `position`; and its rows by
    /// then. [`ByEpochs::publish`] is its publisher.
    pub(super) fn stepped(
        disk: D,
        path: &Path,
        columns: &'static [Column],
        texts: Arc<dyn KeyTexts>,
        part: Box<dyn ResultsPart>,
        position: Option<&[u8]>,
    ) -> Result<(Self, u64), SinkError> {
        let format = FileFormat::Csv;
        let (ends, position) = match position {
            None => (epoch_file::create(disk, path)?, EpochPosition::default()),
            Some(position) => {
                let position = EpochPosition::decode(path, format, position)?;
                (epoch_file::restore(disk, path, &position)?, position)
            }
        };
        let encoder = encoder(position.len, format, columns, texts);
        let (epochs, orders) = channel();
        let (segments, publisher) = ends;
        let turns = Turns::new(publisher, orders, part, format);
        let made = ByEpochs {
            encoder: encoder.map_err(|error| SinkError::io(path, "write", error))?,
            segments,
            epochs: Some(epochs),
            publisher: Some(Publishes::Steps(Box::new(turns))),
            staged_bytes: 0,
            _claim: None,
        };
        Ok((made, position.rows))
    }

    /// A turn of the publisher, where it has no thread; whether anything moved. After an error it has none.
    pub(super) fn publish(&mut self) -> io::Result<bool> {
        let Some(Publishes::Steps(turns)) = &mut self.publisher else {
            return Ok(false);
        };
        let kept = match turns.orders.try_recv() {
            Ok(Order::Keep(closed)) => turns.keep(closed).map(|()| true),
            _ => Ok(false),
        };
        let moved = kept.and_then(|kept| Ok(turns.publish()? || kept));
        if moved.is_err() {
            self.publisher = None;
        }
        moved
    }

    fn start(
        claim: Claim,
        path: &Path,
        (segments, publisher): (Segments<D>, Publisher<D>),
        encoder: io::Result<Encoder<Staged>>,
        format: FileFormat,
        part: Box<dyn ResultsPart>,
    ) -> Result<Self, SinkError> {
        let encoder = encoder.map_err(|error| SinkError::io(path, "write", error))?;
        let (epochs, orders) = channel();
        let turns = Turns::new(publisher, orders, part, format);
        let publisher = std::thread::Builder::new()
            .name("publisher".into())
            .spawn(move || turns.run())
            .map_err(|error| SinkError::io(path, "start a thread to publish", error))?;
        Ok(ByEpochs {
            encoder,
            segments,
            epochs: Some(epochs),
            publisher: Some(Publishes::Thread(publisher)),
            staged_bytes: 0,
            _claim: Some(claim),
        })
    }

    /// Hands all bytes on to the segment.
    fn hand_on(&mut self) -> io::Result<()> {
        self.staged_bytes = 0;
        let staged = self.encoder.flush()?;
        let mut bytes = staged.0.borrow_mut();
        self.segments.write(&bytes)?;
        bytes.clear();
        Ok(())
    }

    /// Whether the publisher is there to hear it.
    fn tell(&self, order: Order<D::File>) -> bool {
        let told = self.epochs.as_ref().map(|epochs| epochs.send(order));
        matches!(told, Some(Ok(())))
    }

    /// What the publisher came to, once it has.
    fn join(&mut self) -> io::Result<()> {
        let panicked = || io::Error::other("the publisher thread panicked; its message says where");
        match self.publisher.take().ok_or_else(panicked)? {
            Publishes::Thread(thread) => thread.join().map_err(|_| panicked())?,
            Publishes::Steps(turns) => turns.run(),
        }
    }
}

impl<D: Disk> Destination for ByEpochs<D> {
    const BY_EPOCHS: bool = true;

    fn row(&mut self, words: &[u64]) -> io::Result<()> {
        self.encoder.row(words)?;
        // Words are about as long as the text they become.
        self.staged_bytes += size_of_val(words);
        if self.staged_bytes >= STAGED_BYTES {
            self.hand_on()?;
        }
        Ok(())
    }

    fn close(&mut self, epoch: u64, rows: u64) -> io::Result<()> {
        self.hand_on()?;
        let closed = self.segments.close(epoch, rows);
        // A publisher that is gone left for an error of its own.
        if self.tell(Order::Keep(closed)) {
            Ok(())
        } else {
            self.join()
        }
    }

    fn check(&mut self) -> io::Result<()> {
        match &self.publisher {
            Some(Publishes::Thread(thread)) if thread.is_finished() => self.join(),
            _ => Ok(()),
        }
    }

    fn end(mut self, rows: u64) -> io::Result<()> {
        self.hand_on()?;
        let last = self.segments.close(u64::MAX, rows);
        self.tell(Order::Finish(last));
        self.join()
    }
}

impl<D: Disk> Drop for ByEpochs<D> {
    /// The files are left alone, for a restore; once this returns, nobody writes them any more.
    fn drop(&mut self) {
        self.epochs = None;
        if matches!(self.publisher, Some(Publishes::Thread(_))) {
            let _ = self.join();
        }
    }
}

/// Goes on with a file of `len` bytes: before the first row of all there is nothing, not even a header.
fn encoder(
    len: u64,
    format: FileFormat,
    columns: &'static [Column],
    texts: Arc<dyn KeyTexts>,
) -> io::Result<Encoder<Staged>> {
    match len {
        0 => Encoder::new(Staged::default(), format, columns, texts),
        _ => Encoder::resumed(Staged::default(), format, columns, texts),
    }
}

fn refuse_native(path: &Path, format: FileFormat) -> Result<(), SinkError> {
    match format {
        FileFormat::Native => Err(SinkError::NotByEpochs {
            file: path.to_path_buf(),
        }),
        FileFormat::Csv | FileFormat::Jsonl => Ok(()),
    }
}

impl<D: Disk> Turns<D> {
    fn new(
        publisher: Publisher<D>,
        orders: Receiver<Order<D::File>>,
        part: Box<dyn ResultsPart>,
        format: FileFormat,
    ) -> Self {
        let is_whole = false;
        Turns {
            publisher,
            orders,
            part: Told { part, is_whole },
            format,
            published: 0,
        }
    }

    /// The publisher thread, until it is told to finish or the writer has gone.
    fn run(mut self) -> io::Result<()> {
        loop {
            match self.orders.recv_timeout(ASK_EVERY) {
                Ok(Order::Keep(closed)) => self.keep(closed)?,
                Ok(Order::Finish(last)) => {
                    let finished = self.publisher.finish(last);
                    self.part.is_whole = finished.is_ok();
                    return finished;
                }
                Err(RecvTimeoutError::Timeout) => {}
                // What is there is what a restore needs.
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.publish()?;
        }
    }

    /// Makes the rows of an epoch safe, and says so to the checkpoint.
    fn keep(&mut self, closed: Closed<D::File>) -> io::Result<()> {
        let epoch = closed.epoch;
        let position = self.publisher.keep(closed)?;
        self.part.part.ready(epoch, &position.encode(self.format));
        Ok(())
    }

    /// Publishes the rows of epochs that have become durable; whether there were any.
    fn publish(&mut self) -> io::Result<bool> {
        let durable = self.part.part.durable();
        let moved = durable > self.published;
        if moved {
            self.publisher.publish(durable)?;
            self.published = durable;
        }
        Ok(moved)
    }
}
