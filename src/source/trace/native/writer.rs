//! Writes a native trace, record by record, in constant memory; the header goes over the start at the end.
use std::marker::PhantomData;
use std::path::Path;

use bytemuck::{Zeroable, bytes_of, cast_slice};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::layout::*;
use crate::source::trace::error::TraceError;
use crate::source::trace::record::Record;
use crate::source::trace::texts::Texts;
use crate::source::trace::whole_file::WholeFile;

/// What the fields of the records mean; where nothing is said, a field is a default that the trace did not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The stamps are real.
    pub has_time: bool,
    /// The values are real.
    pub has_value: bool,
    /// The weights are real.
    pub has_weight: bool,
    /// Keys are hashes of texts.
    pub key_is_text: bool,
    /// Items are hashes of texts.
    pub item_is_text: bool,
}

/// A native trace that is being written. Dropped before `finish`, it leaves nothing behind.
pub struct Writer<T> {
    file: WholeFile,
    contents: Contents,
    header: Header,
    latest_ns: u64,
    ordered: bool,
    block: Xxh3,
    block_filled: usize,
    checksums: Vec<u64>,
    converted: Vec<T>,
    record: PhantomData<T>,
}

impl<T: NativeRecord> Writer<T> {
    /// Starts a trace beside `path`, which is touched only by `finish`.
    ///
    /// # Errors
    /// No such directory, no permission, a full disk.
    pub fn create(path: &Path, contents: Contents) -> Result<Self, TraceError> {
        let mut file = WholeFile::create(path)?;
        file.write(&[0; HEADER_BYTES])?;
        Ok(Writer {
            file,
            contents,
            header: Header {
                ts_min_ns: u64::MAX,
                ..Header::zeroed()
            },
            latest_ns: 0,
            ordered: true,
            block: Xxh3::new(),
            block_filled: 0,
            checksums: Vec::new(),
            converted: Vec::new(),
            record: PhantomData,
        })
    }

    /// Adds records, converted to the layout.
    ///
    /// # Errors
    /// Those of writing a file.
    pub fn push(&mut self, records: &[Record]) -> Result<(), TraceError> {
        let mut converted = std::mem::take(&mut self.converted);
        converted.clear();
        converted.extend(records.iter().map(|record| T::from(*record)));
        let pushed = self.push_native(&converted);
        self.converted = converted;
        pushed
    }

    /// Adds records as they are.
    ///
    /// # Errors
    /// Those of writing a file.
    pub fn push_native(&mut self, records: &[T]) -> Result<(), TraceError> {
        for record in records {
            let ts_ns = record.ts_ns();
            self.ordered &= ts_ns >= self.latest_ns;
            self.latest_ns = self.latest_ns.max(ts_ns);
            self.header.ts_min_ns = self.header.ts_min_ns.min(ts_ns);
        }
        self.header.records += records.len() as u64;
        let mut bytes: &[u8] = cast_slice(records);
        self.file.write(bytes)?;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.block_filled));
            self.block.update(now);
            self.block_filled += now.len();
            if self.block_filled == BLOCK_BYTES {
                self.end_block();
            }
            bytes = later;
        }
        Ok(())
    }

    fn end_block(&mut self) {
        self.checksums.push(self.block.digest());
        self.block.reset();
        self.block_filled = 0;
    }

    /// Writes checksums, texts and header, syncs and names the file; returns its bytes.
    ///
    /// # Errors
    /// Those of writing a file; the target is then as it was.
    pub fn finish(mut self, texts: Option<&Texts>) -> Result<u64, TraceError> {
        if self.block_filled > 0 {
            self.end_block();
        }
        self.file.write(cast_slice(&self.checksums))?;
        let texts = texts.map_or_else(Vec::new, Texts::sorted);
        let (mut checksum, mut texts_bytes) = (Xxh3::new(), 8);
        for (key, text) in &texts {
            let length = (text.bytes().len() as u32).to_le_bytes();
            for part in [&key.to_le_bytes(), &length[..], text.bytes()] {
                checksum.update(part);
                self.file.write(part)?;
                texts_bytes += part.len() as u64;
            }
        }
        self.file.write(&checksum.digest().to_le_bytes())?;
        let records_end = HEADER_BYTES as u64 + self.header.records * size_of::<T>() as u64;
        let texts_at = records_end + 8 * self.checksums.len() as u64;
        let Contents {
            has_time,
            has_value,
            has_weight,
            key_is_text,
            item_is_text,
        } = self.contents;
        let flags = [
            (has_time, FLAG_TIME),
            (key_is_text, FLAG_KEY_TEXT),
            (item_is_text, FLAG_ITEM_TEXT),
            (self.ordered, FLAG_ORDERED),
            (has_value, FLAG_VALUE),
            (has_weight, FLAG_WEIGHT),
        ];
        let header = Header {
            magic: MAGIC,
            version: VERSION,
            header_bytes: HEADER_BYTES as u32,
            layout: T::LAYOUT.code(),
            record_bytes: size_of::<T>() as u32,
            records: self.header.records,
            ts_min_ns: if self.header.records == 0 {
                0
            } else {
                self.header.ts_min_ns
            },
            ts_max_ns: self.latest_ns,
            flags: flags
                .iter()
                .filter(|(is_set, _)| *is_set)
                .map(|(_, flag)| flag)
                .sum(),
            checksums_at: records_end,
            checksums: self.checksums.len() as u64,
            block_bytes: BLOCK_BYTES as u64,
            texts_at,
            texts_bytes,
            texts: texts.len() as u64,
            file_bytes: texts_at + texts_bytes,
        };
        let mut page = [0; HEADER_BYTES];
        page[..size_of::<Header>()].copy_from_slice(bytes_of(&header));
        let checksum = xxh3_64(&page[..HEADER_CHECKSUM_AT]);
        page[HEADER_CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        self.file.overwrite_start(&page)?;
        self.file.publish()?;
        Ok(header.file_bytes)
    }
}
