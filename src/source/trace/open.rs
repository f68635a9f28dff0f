//! A trace that is being read.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::arc::ArcLis;
use super::columns::Sample;
use super::compression::{self, Compression, Content};
use super::delimited::Delimited;
use super::description::{Description, UnitOrigin};
use super::error::{ErrorKind, Place, TraceError};
use super::fixed::{FixedRecords, partial, record_bytes};
use super::intake::{Counts, Intake, Reader};
use super::json_lines::JsonLines;
use super::lines::{KeyLines, sample_lines};
use super::live::Live;
use super::native::{Layout, Mapped, NativeReader};
use super::options::{Column, Disorder, Format, TraceOptions};
use super::recognise;
use super::record::Record;
use super::schema::Schema;
use super::texts::Texts;

/// How many records a block holds at most: 160 KiB, which stay in a core's L2 between reader and engine.
pub const BLOCK_RECORDS: usize = 4096;

/// How far reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file read so far; of a mapped trace, those of the records handed on.
    pub read_bytes: u64,
    /// Bytes of the file; 0 for a pipe.
    pub file_bytes: u64,
    /// Records read so far.
    pub records: u64,
}

/// A trace that is being read, by one thread at a time.
pub struct Trace {
    reader: Box<dyn Reader>,
    intake: Intake,
    description: Description,
    at_end: bool,
    /// Told once the records before it are delivered.
    failure: Option<TraceError>,
    file_bytes: u64,
    read_bytes: Arc<AtomicU64>,
    live: Option<Live>,
}

/// Opens a trace: finds out its compression, format, columns, types and time unit, as far as `options` leave them open.
///
/// # Errors
/// A file that cannot be read, and whatever stays unclear (`TraceError::is_usage`).
pub fn open(path: impl AsRef<Path>, options: &TraceOptions) -> Result<Trace, TraceError> {
    open_with_texts(path, options, Arc::default())
}

/// Opens a trace whose texts go to those there are already: to read on after a first trace, or the same again.
///
/// # Errors
/// As for `open`.
pub fn open_with_texts(
    path: impl AsRef<Path>,
    options: &TraceOptions,
    texts: Arc<Texts>,
) -> Result<Trace, TraceError> {
    let path = path.as_ref();
    let mut content = compression::open(path)?;
    let format = match options.format {
        Format::Auto if options.delimiter.is_some() => Format::Csv,
        Format::Auto => recognise::format(path, &content)?,
        declared => declared,
    };
    let mut intake = Intake::new(path, content.compression, options, texts);
    let mut description = Description::new(path, format, content.compression);
    let (file_bytes, read_bytes) = (content.file_bytes, content.read_bytes.clone());
    let live = content.live.clone();
    if let (Some(live), Some(bytes)) = (&live, record_bytes(format)) {
        live.set_record_bytes(bytes);
    }
    if matches!(
        format,
        Format::Csv | Format::Tsv | Format::JsonLines | Format::Lines | Format::ArcLis
    ) {
        prepare_text(path, &mut content)?;
    }
    let reader: Box<dyn Reader> = match format {
        Format::Csv | Format::Tsv => {
            Box::new(Delimited::open(path, options, content, &mut description)?)
        }
        Format::JsonLines => Box::new(JsonLines::open(path, options, content, &mut description)?),
        Format::Lines => {
            let sample = sample_lines(&content.head, content.head_is_all);
            let schema = Schema::infer(path, options, &sample, &mut description)?;
            Box::new(KeyLines::new(content.bytes, schema))
        }
        Format::ArcLis => {
            refuse_columns(path, options, format)?;
            Box::new(ArcLis::new(content.bytes))
        }
        Format::Native => {
            refuse_columns(path, options, format)?;
            Box::new(open_native(path, &content, &mut intake, &mut description)?)
        }
        _ => {
            refuse_columns(path, options, format)?;
            Box::new(open_fixed(path, content, format, &mut description)?)
        }
    };
    if !description.has_time && matches!(options.disorder, Disorder::Fail | Disorder::Sort { .. }) {
        description
            .notes
            .push("no stamps, so there is nothing to put in order".to_string());
        // Without stamps all are 0: they are in order, and must not wait for a bound to pass.
        intake.order = super::order::Order::new(Disorder::Keep);
    }
    Ok(Trace {
        reader,
        intake,
        description,
        at_end: false,
        failure: None,
        file_bytes,
        read_bytes,
        live,
    })
}

impl Trace {
    /// Replaces `out` by the next records, at most `BLOCK_RECORDS` and none only at the end; `false` once there is none.
    /// Of a pipe those that have come; it waits for the first alone.
    ///
    /// # Errors
    /// A broken stream, a text collision, and what the options let end the run. The records before it are delivered
    /// first; after it there are none.
    pub fn next_block(&mut self, out: &mut Vec<Record>) -> Result<bool, TraceError> {
        out.clear();
        if self.failure.is_none() {
            let filled = self.fill(out);
            // Also on an error, so that the letter that ended the run can be read.
            let flushed = self.intake.flush();
            self.failure = filled.and(flushed).err();
            self.at_end |= self.failure.is_some();
        }
        self.intake.order.release(self.at_end, BLOCK_RECORDS, out);
        match self.failure.take_if(|_| out.is_empty()) {
            Some(error) => Err(error),
            None => Ok(!out.is_empty()),
        }
    }

    fn fill(&mut self, out: &mut Vec<Record>) -> Result<(), TraceError> {
        loop {
            self.intake.order.release(self.at_end, BLOCK_RECORDS, out);
            if self.at_end || out.len() >= BLOCK_RECORDS {
                return Ok(());
            }
            let room = BLOCK_RECORDS - out.len();
            let limit = match &self.live {
                None => room,
                Some(live) => match live.ready().map_err(|error| self.intake.broken(error, 0))? {
                    // What has come is handed on before more is waited for.
                    0 if !out.is_empty() => return Ok(()),
                    ready => ready.clamp(1, room),
                },
            };
            self.at_end = !self.reader.fill(limit, &mut self.intake, out)?;
        }
    }

    /// The texts of hashed keys and items; it grows while the trace is read, and may be read from any thread.
    pub fn texts(&self) -> Arc<Texts> {
        self.intake.interner.texts().clone()
    }

    /// It is the rest of an input whose last record so far had the stamp `ts_ns`.
    pub(in crate::source) fn go_on_behind(&mut self, ts_ns: u64) {
        self.intake.order.go_on_behind(ts_ns);
    }

    /// Remembers texts that are new, for `take_new_texts`.
    pub(in crate::source) fn keep_new_texts(&mut self) {
        self.intake.interner.keep_new();
    }

    /// The texts that were new since it was last asked, with their keys.
    pub(in crate::source) fn take_new_texts(&mut self) -> Vec<(u64, Vec<u8>)> {
        self.intake.interner.take_new()
    }

    /// What the trace was taken for.
    pub fn describe(&self) -> &Description {
        &self.description
    }

    /// Where the records went so far.
    pub fn counts(&self) -> Counts {
        self.intake.counts()
    }

    /// How far reading has come.
    pub fn progress(&self) -> Progress {
        let records = self.intake.counts().read;
        let read_bytes = match self.description.records {
            Some(all) if all > 0 => {
                (u128::from(self.file_bytes) * u128::from(records) / u128::from(all)) as u64
            }
            // Relaxed: written by the thread that owns this trace.
            _ => self.read_bytes.load(Ordering::Relaxed),
        };
        Progress {
            read_bytes,
            file_bytes: self.file_bytes,
            records,
        }
    }
}

/// Skips a byte order mark and refuses UTF-16, which would be garbage in every column.
fn prepare_text(path: &Path, content: &mut Content) -> Result<(), TraceError> {
    if content.head.starts_with(&[0xff, 0xfe]) || content.head.starts_with(&[0xfe, 0xff]) {
        return Err(TraceError::new(ErrorKind::Format, path, "text in UTF-16")
            .at(Place::Offset(0))
            .expected("UTF-8")
            .remedy("convert it: iconv -f UTF-16 -t UTF-8"));
    }
    if content.head.starts_with("\u{feff}".as_bytes()) {
        let mut mark = [0; 3];
        content
            .bytes
            .read_exact(&mut mark)
            .map_err(|error| TraceError::io(path, "read", error))?;
        content.head.drain(..3);
    }
    if content.head_is_all && content.head.trim_ascii().is_empty() {
        return Err(TraceError::new(ErrorKind::Empty, path, "blank lines only")
            .expected("at least one record")
            .remedy("check how it was made"));
    }
    Ok(())
}

/// Formats with columns of their own cannot take others.
fn refuse_columns(path: &Path, options: &TraceOptions, format: Format) -> Result<(), TraceError> {
    let columns = [
        ("key", &options.key),
        ("item", &options.item),
        ("value", &options.value),
        ("ts", &options.ts),
    ];
    let columns = columns.into_iter().chain([("weight", &options.weight)]);
    for (part, column) in columns {
        if matches!(column, Column::Name(_) | Column::Index(_)) {
            return Err(TraceError::new(
                ErrorKind::Option,
                path,
                format!("{part} names a column, but {format} has none"),
            )
            .expected(format!("no {part}"))
            .remedy("leave it out, or declare another format"));
        }
    }
    Ok(())
}

fn open_fixed(
    path: &Path,
    content: Content,
    format: Format,
    description: &mut Description,
) -> Result<FixedRecords, TraceError> {
    let bytes = record_bytes(format).ok_or_else(|| {
        TraceError::new(ErrorKind::Format, path, "no reader for this format").value(format.name())
    })?;
    if content.compression == Compression::None && content.file_bytes > 0 {
        let rest = content.file_bytes % bytes as u64;
        if rest != 0 {
            return Err(partial(
                path,
                format,
                bytes,
                content.file_bytes - rest,
                rest as usize,
            ));
        }
        description.records = Some(content.file_bytes / bytes as u64);
    }
    if format == Format::OracleGeneral {
        description.has_time = true;
        description.has_value = true;
        description.time_unit = Some("s".to_string());
        description.time_unit_origin = Some(UnitOrigin::Format);
        let first = content
            .head
            .first_chunk()
            .map(|bytes| u64::from(u32::from_le_bytes(*bytes)) * 1_000_000_000);
        description.first_ts_ns = first;
    }
    Ok(FixedRecords::new(content.bytes, format, bytes))
}

fn open_native(
    path: &Path,
    content: &Content,
    intake: &mut Intake,
    description: &mut Description,
) -> Result<NativeReader, TraceError> {
    if content.compression != Compression::None {
        return Err(TraceError::new(
            ErrorKind::Option,
            path,
            "a native trace must not be compressed, for it is mapped",
        )
        .value(content.compression.name())
        .expected("a plain .mill file")
        .remedy(format!(
            "decompress it first, with {}",
            content.compression.name()
        )));
    }
    let mapped = Mapped::open(path, false)?;
    if mapped.is_empty() {
        return Err(
            TraceError::new(ErrorKind::HeaderOnly, path, "a header and no record")
                .expected("at least one record")
                .remedy("check how it was made"),
        );
    }
    let contents = mapped.contents();
    description.records = Some(mapped.len() as u64);
    description.has_item = mapped.layout() == Layout::Clicks;
    description.has_time = contents.has_time;
    description.has_value = contents.has_value;
    description.has_weight = contents.has_weight;
    description.key_is_text = contents.key_is_text;
    description.item_is_text = contents.item_is_text;
    description.notes.push(format!(
        "records are {} ({} bytes)",
        mapped.layout().name(),
        mapped.layout().record_bytes()
    ));
    if let Some((first, last)) = mapped.time_span_ns() {
        description.time_unit = Some("ns".to_string());
        description.time_unit_origin = Some(UnitOrigin::Format);
        (description.first_ts_ns, description.last_ts_ns) = (Some(first), Some(last));
    }
    NativeReader::new(mapped, intake)
}

/// Reading happens on a thread of its own.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Trace>();
    is_send::<Sample>();
};
