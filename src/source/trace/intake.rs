//! The intake: where every record of a reader goes, good or bad, and where it is counted.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::compression::{Compression, stream_error};
use super::dead_letter::{BadRecord, DeadLetter};
use super::error::{ErrorKind, Place, TraceError};
use super::options::{OnBadRecord, TraceOptions};
use super::order::{Fate, Order};
use super::record::Record;
use super::texts::{Collision, Interner, Texts};

/// Where the records of a trace went. `read = delivered + bad + late + held`, at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records met, good or bad.
    pub read: u64,
    /// Handed on.
    pub delivered: u64,
    /// Not understood: in the dead-letter file, where one is named.
    pub bad: u64,
    /// Understood, but further out of order than the sort bound; not handed on.
    pub late: u64,
    /// Handed on with their stamp raised to the latest before it.
    pub clamped: u64,
    /// Waiting for their turn; 0 at the end.
    pub held: u64,
}

/// The reader of one format.
pub(super) trait Reader: Send {
    /// Reads up to `limit` records and hands each, good or bad, to `intake`; `false` at the end of the trace.
    fn fill(
        &mut self,
        limit: usize,
        intake: &mut Intake,
        out: &mut Vec<Record>,
    ) -> Result<bool, TraceError>;
}

pub(super) struct Intake {
    pub(super) file: PathBuf,
    pub(super) compression: Compression,
    pub(super) interner: Interner,
    pub(super) order: Order,
    policy: OnBadRecord,
    dead_letter: DeadLetter,
    read: u64,
    bad: u64,
    late: u64,
    clamped: u64,
}

impl Intake {
    pub(super) fn new(
        file: &Path,
        compression: Compression,
        options: &TraceOptions,
        texts: Arc<Texts>,
    ) -> Self {
        Intake {
            file: file.to_path_buf(),
            compression,
            interner: Interner::new(texts),
            order: Order::new(options.disorder),
            policy: options.on_bad_record,
            dead_letter: DeadLetter::new(options.dead_letter.clone()),
            read: 0,
            bad: 0,
            late: 0,
            clamped: 0,
        }
    }

    /// Takes a good record; `place` names it should it be out of order.
    #[inline]
    pub(super) fn accept(
        &mut self,
        record: Record,
        place: Place,
        out: &mut Vec<Record>,
    ) -> Result<(), TraceError> {
        self.read += 1;
        match self.order.place(record, out) {
            Fate::Delivered | Fate::Held => {}
            Fate::Clamped => self.clamped += 1,
            Fate::Late => self.late += 1,
            Fate::Refused(latest_ns) => return Err(self.refuse(record.ts_ns, latest_ns, place)),
        }
        Ok(())
    }

    #[cold]
    fn refuse(&self, ts_ns: u64, latest_ns: u64, place: Place) -> TraceError {
        TraceError::new(
            ErrorKind::Disorder,
            &self.file,
            "out of order: the stamp is earlier than one before it",
        )
        .at(place)
        .value(format!("{ts_ns} ns"))
        .expected(format!("at least {latest_ns} ns"))
        .remedy("choose disorder = \"clamp\" or \"sort:5s\", or sort the trace by time")
    }

    /// Takes a bad record: a dead letter, or the end.
    #[cold]
    pub(super) fn reject(&mut self, bad: BadRecord) -> Result<(), TraceError> {
        self.read += 1;
        self.bad += 1;
        match self.policy {
            OnBadRecord::DeadLetter => self.dead_letter.write(&self.file, &bad),
            OnBadRecord::Fail => Err(TraceError::new(
                ErrorKind::Record,
                &self.file,
                format!("bad record: {}", bad.reason),
            )
            .at(bad.place)
            .value(bad.value)
            .expected(bad.expected)
            .remedy(bad.remedy)),
        }
    }

    #[cold]
    pub(super) fn collided(&self, collision: Collision, place: Place) -> TraceError {
        let Collision { key, first, second } = collision;
        TraceError::new(
            ErrorKind::Collision,
            &self.file,
            format!("two texts have the hash {key:016x}: {first:?} and {second:?}"),
        )
        .at(place)
        .expected("one text for one key")
        .remedy("rename one of them; they would be counted as one")
    }

    /// An error of the byte stream, after `offset` decompressed bytes.
    #[cold]
    pub(super) fn broken(&self, error: std::io::Error, offset: u64) -> TraceError {
        stream_error(&self.file, self.compression, offset, error)
    }

    pub(super) fn flush(&mut self) -> Result<(), TraceError> {
        self.dead_letter.flush()
    }

    pub(super) fn counts(&self) -> Counts {
        let held = self.order.held() as u64;
        let Intake {
            read,
            bad,
            late,
            clamped,
            ..
        } = *self;
        Counts {
            read,
            delivered: read - bad - late - held,
            bad,
            late,
            clamped,
            held,
        }
    }
}
