//! A native trace, mapped: its records are a slice, and nothing is parsed or copied.
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytemuck::{pod_read_unaligned, try_cast_slice};
use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;

use super::layout::*;
use super::writer::Contents;
use crate::source::trace::error::{ErrorKind, Place, TraceError};
use crate::source::trace::texts::{Interner, Texts};
use crate::sys::mapping::map_readonly;

/// A native trace on disk. Shared freely between threads: nothing in it changes.
#[derive(Debug)]
pub struct Mapped {
    path: PathBuf,
    map: Mmap,
    header: Header,
    layout: Layout,
}

impl Mapped {
    /// Maps a trace, checks its header, its length and its texts, and with `verify` every record too (at memory speed).
    ///
    /// # Errors
    /// Missing, no permission, a directory, not a native trace, truncated, another version, a wrong checksum.
    pub fn open(path: &Path, verify: bool) -> Result<Self, TraceError> {
        let failed = |error| TraceError::io(path, "read", error);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        if metadata.len() < HEADER_BYTES as u64 {
            let kind = if metadata.len() == 0 {
                ErrorKind::Empty
            } else {
                ErrorKind::Truncated
            };
            return Err(damaged(
                kind,
                path,
                "it ends within the header",
                metadata.len(),
                metadata.len(),
            )
            .expected(format!("a header of {HEADER_BYTES} bytes")));
        }
        let map = map_readonly(&file).map_err(failed)?;
        let header: Header = pod_read_unaligned(&map[..size_of::<Header>()]);
        let layout = check_header(path, &map, &header)?;
        let mapped = Mapped {
            path: path.to_path_buf(),
            map,
            header,
            layout,
        };
        mapped.check_texts()?;
        if verify {
            (0..mapped.blocks()).try_for_each(|block| mapped.check_block(block))?;
        }
        Ok(mapped)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the records are.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.header.records as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A checksum of all of it, from the checksums it holds.
    pub fn checksum(&self) -> u64 {
        let (start, end) = (self.header.checksums_at, self.header.texts_at);
        let texts = self.map.len() - 8;
        let of = [
            &self.map[HEADER_CHECKSUM_AT..HEADER_BYTES],
            &self.map[start as usize..end as usize],
            &self.map[texts..],
        ];
        xxh3_64(&of.concat())
    }

    /// What their fields mean.
    pub fn contents(&self) -> Contents {
        let has = |flag| self.header.flags & flag != 0;
        Contents {
            has_time: has(FLAG_TIME),
            has_value: has(FLAG_VALUE),
            has_weight: has(FLAG_WEIGHT),
            key_is_text: has(FLAG_KEY_TEXT),
            item_is_text: has(FLAG_ITEM_TEXT),
        }
    }

    /// Whether no stamp is earlier than one before it.
    pub fn is_ordered(&self) -> bool {
        self.header.flags & FLAG_ORDERED != 0
    }

    /// The earliest and the latest stamp, in ns; `None` without records or without time.
    pub fn time_span_ns(&self) -> Option<(u64, u64)> {
        (self.contents().has_time && !self.is_empty())
            .then_some((self.header.ts_min_ns, self.header.ts_max_ns))
    }

    /// The records, in place.
    ///
    /// # Errors
    /// The trace has another layout (a usage error: convert it, or ask for the right one).
    pub fn records<T: NativeRecord>(&self) -> Result<&[T], TraceError> {
        let mismatch = || {
            TraceError::new(
                ErrorKind::Layout,
                &self.path,
                "another record layout than asked for",
            )
            .at(Place::Offset(16))
            .value(self.layout.name())
            .expected(T::LAYOUT.name())
            .remedy(format!(
                "convert it: millstream trace convert … --layout {}",
                T::LAYOUT.name()
            ))
        };
        if T::LAYOUT != self.layout {
            return Err(mismatch());
        }
        try_cast_slice(self.record_bytes()).map_err(|_| mismatch())
    }

    /// The texts of hashed keys and items.
    ///
    /// # Errors
    /// An entry that is not what its key says.
    pub fn texts(&self) -> Result<Arc<Texts>, TraceError> {
        let mut interner = Interner::new(Arc::default());
        self.intern(&mut interner)?;
        Ok(interner.texts().clone())
    }

    pub(super) fn intern(&self, interner: &mut Interner) -> Result<(), TraceError> {
        let (start, end) = (self.header.texts_at as usize, self.map.len() - 8);
        let mut rest = &self.map[start..end];
        for _ in 0..self.header.texts {
            let wrong = |what: &str| {
                damaged(
                    ErrorKind::Corrupt,
                    &self.path,
                    what,
                    (end - rest.len()) as u64,
                    self.map.len() as u64,
                )
            };
            let Some((head, tail)) = rest.split_at_checked(12) else {
                return Err(wrong("the texts end too early"));
            };
            let key: u64 = pod_read_unaligned(&head[..8]);
            let length: u32 = pod_read_unaligned(&head[8..]);
            let Some((text, tail)) = tail.split_at_checked(length as usize) else {
                return Err(wrong("a text is longer than its section"));
            };
            if xxh3_64(text) != key {
                return Err(wrong("a text does not have the hash it is listed under"));
            }
            interner
                .insert(key, text)
                .map_err(|_| wrong("two texts under one key"))?;
            rest = tail;
        }
        if rest.is_empty() {
            return Ok(());
        }
        Err(damaged(
            ErrorKind::Corrupt,
            &self.path,
            "bytes after the last text",
            self.header.texts_at,
            self.map.len() as u64,
        ))
    }

    fn record_bytes(&self) -> &[u8] {
        // `check_header` holds this range within the file.
        &self.map[HEADER_BYTES..self.header.checksums_at as usize]
    }

    pub(super) fn blocks(&self) -> usize {
        self.header.checksums as usize
    }

    /// Checks one block of records against its checksum.
    pub(super) fn check_block(&self, block: usize) -> Result<(), TraceError> {
        let bytes = self
            .record_bytes()
            .chunks(BLOCK_BYTES)
            .nth(block)
            .unwrap_or_default();
        let at = self.header.checksums_at as usize + 8 * block;
        let stored: u64 = pod_read_unaligned(&self.map[at..at + 8]);
        let offset = (HEADER_BYTES + block * BLOCK_BYTES) as u64;
        check(
            &self.path,
            &format!("records in block {block}"),
            offset,
            stored,
            xxh3_64(bytes),
        )
    }

    fn check_texts(&self) -> Result<(), TraceError> {
        let (start, end) = (self.header.texts_at as usize, self.map.len() - 8);
        let stored: u64 = pod_read_unaligned(&self.map[end..]);
        check(
            &self.path,
            "texts",
            start as u64,
            stored,
            xxh3_64(&self.map[start..end]),
        )
    }
}

fn check(
    path: &Path,
    section: &str,
    offset: u64,
    stored: u64,
    computed: u64,
) -> Result<(), TraceError> {
    if stored == computed {
        return Ok(());
    }
    Err(TraceError::new(
        ErrorKind::Corrupt,
        path,
        format!("wrong checksum of the {section}"),
    )
    .at(Place::Offset(offset))
    .value(format!("{computed:016x}"))
    .expected(format!("{stored:016x}"))
    .remedy("the file was damaged: convert or fetch it again"))
}

fn damaged(kind: ErrorKind, path: &Path, what: &str, offset: u64, bytes: u64) -> TraceError {
    TraceError::new(kind, path, what)
        .at(Place::Offset(offset))
        .value(format!("{bytes} bytes"))
        .remedy("the file was damaged: convert or fetch it again")
}

/// Holds every number of the header against the file, so that nothing later needs to.
fn check_header(path: &Path, map: &[u8], header: &Header) -> Result<Layout, TraceError> {
    if header.magic != MAGIC {
        return Err(
            TraceError::new(ErrorKind::Corrupt, path, "not a native trace")
                .at(Place::Offset(0))
                .value(format!("{:02x?}", header.magic))
                .expected(format!("{MAGIC:02x?}, the magic of a native trace"))
                .remedy("declare another format, or convert it: millstream trace convert"),
        );
    }
    if header.version != VERSION {
        return Err(TraceError::new(
            ErrorKind::Corrupt,
            path,
            "a version of the native format that is not known",
        )
        .at(Place::Offset(8))
        .value(header.version.to_string())
        .expected(VERSION.to_string())
        .remedy("convert the original again"));
    }
    let stored: u64 = pod_read_unaligned(&map[HEADER_CHECKSUM_AT..HEADER_BYTES]);
    check(
        path,
        "header",
        HEADER_CHECKSUM_AT as u64,
        stored,
        xxh3_64(&map[..HEADER_CHECKSUM_AT]),
    )?;
    if header.file_bytes != map.len() as u64 {
        let kind = if header.file_bytes > map.len() as u64 {
            ErrorKind::Truncated
        } else {
            ErrorKind::Corrupt
        };
        return Err(damaged(
            kind,
            path,
            "another length than its header says",
            map.len() as u64,
            map.len() as u64,
        )
        .expected(format!("{} bytes", header.file_bytes)));
    }
    let inconsistent = || {
        damaged(
            ErrorKind::Corrupt,
            path,
            "the header contradicts itself",
            0,
            map.len() as u64,
        )
    };
    let layout = Layout::of_code(header.layout).ok_or_else(inconsistent)?;
    let sections = || {
        let records_bytes = header.records.checked_mul(u64::from(header.record_bytes))?;
        let checksums_at = records_bytes.checked_add(HEADER_BYTES as u64)?;
        let texts_at = header.checksums.checked_mul(8)?.checked_add(checksums_at)?;
        Some((
            records_bytes,
            checksums_at,
            texts_at,
            texts_at.checked_add(header.texts_bytes)?,
        ))
    };
    let (records_bytes, checksums_at, texts_at, end) = sections().ok_or_else(inconsistent)?;
    let consistent = header.header_bytes as usize == HEADER_BYTES
        && header.record_bytes as usize == layout.record_bytes()
        && header.block_bytes == BLOCK_BYTES as u64
        && header.checksums == records_bytes.div_ceil(BLOCK_BYTES as u64)
        && (header.checksums_at, header.texts_at, header.file_bytes)
            == (checksums_at, texts_at, end)
        && header.texts_bytes >= 8;
    if consistent {
        Ok(layout)
    } else {
        Err(inconsistent())
    }
}
