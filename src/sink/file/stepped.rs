//! A file of results in a simulated run: what its two threads do, as steps of a task.
//!
//! ```text
//!   threads   rings ─► writer ─► segments ── epochs ─► publisher ─► checkpoint, file
//!   here      one step: a round of the writer, else a turn of the publisher; all of it on a simulated disk
//! ```
//!
//! Owned by the simulator, which steps it beside the tasks of the flow. Nobody but the run can reach its disk, so
//! the path is not looked up and not claimed.

use super::by_epochs::{ByEpochs, ResultsPart};
use super::error::SinkError;
use super::port::FileSink;
use super::writer::Writing;
use crate::sink::rows::{KeyTexts, Row};
use crate::sys::disk::Disk;
use crate::task::{Context, Figures, Progress, Task, TaskError};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// What became of a file: its rows, or why it is not whole. Empty until its task is done.
pub type SteppedEnd = Arc<OnceLock<Result<u64, SinkError>>>;

/// A file of results that grows by durable epochs, in steps.
pub struct SteppedFile<T: Row, D: Disk> {
    writing: Option<Writing<T, ByEpochs<D>>>,
    end: SteppedEnd,
}

impl<T: Row, D: Disk> SteppedFile<T, D> {
    /// CSV at `path` of `disk`: a new file, or as it was at `position`, which its `part` was given; with a sink for
    /// each partition of the last stage.
    ///
    /// # Errors
    /// As for [`FileWriter::restore`](super::FileWriter::restore).
    pub fn new(
        disk: D,
        path: &Path,
        partitions: usize,
        texts: Arc<dyn KeyTexts>,
        part: Box<dyn ResultsPart>,
        position: Option<&[u8]>,
    ) -> Result<(Self, Vec<FileSink<T>>), SinkError> {
        let (file, rows) = ByEpochs::stepped(disk, path, T::COLUMNS, texts, part, position)?;
        let (writing, ports) = Writing::new(path, file, partitions, rows);
        let woken = std::thread::current();
        let sinks = ports.into_iter().map(|port| port.sink(&woken)).collect();
        let stepped = SteppedFile {
            writing: Some(writing),
            end: SteppedEnd::default(),
        };
        Ok((stepped, sinks))
    }

    /// Where it will be found what became of the file.
    pub fn end(&self) -> SteppedEnd {
        self.end.clone()
    }
}

impl<T: Row, D: Disk> Task for SteppedFile<T, D> {
    fn step(&mut self, cx: &mut Context) -> Result<Progress, TaskError> {
        let Some(writing) = &mut self.writing else {
            return Ok(Progress::Done);
        };
        let complete = writing.complete();
        if writing.round() | writing.close_epoch()
            || writing.with_destination(ByEpochs::publish) == Some(true)
        {
            return Ok(Progress::Worked);
        }
        if !cx.stopping {
            return Ok(Progress::Idle(None));
        }
        if let Some(writing) = self.writing.take() {
            // It is set here alone, once.
            let _ = self.end.set(writing.conclude(complete));
        }
        Ok(Progress::Done)
    }

    fn figures(self: Box<Self>) -> Figures {
        Figures::default()
    }
}
