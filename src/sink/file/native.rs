//! The native format of results: fields as they lie in memory, 8 bytes each, little-endian.
//!
//! ```text
//!   byte 0      64            R = 64 + 32 × columns     T = R + rows × row bytes        end - 8   end
//!        ├──────┼─────────────┼─────────────────────────┼───────────────────────────────┼──────────┤
//!        │header│ columns     │ rows                    │ texts, in the order of keys   │ XXH3-64  │
//!        │ 64 B │ 32 B each   │                         │ key u64 │ length u32 │ bytes  │ of R‥end-8
//!        └──────┴─────────────┴─────────────────────────┴───────────────────────────────┴──────────┘
//!
//!   header  byte 0  magic "MILLRES\0"    24  rows u64          column  byte 0  name, zero-padded, 24 bytes
//!                8  version u32 = 1      32  texts u64                     24  kind u32: 1 key, 2 item, 3 u64,
//!               12  columns u32          40  T u64                             4 i64, 5 f32, 6 time in ns, 7 items
//!               16  row bytes u32        48  bytes of the file u64         28  words u32: of 8 bytes in a row
//!               20  zero u32             56  XXH3-64 of 0‥R, this field as 0
//!
//!   field   key, item, u64, time: u64 │ i64: two's complement │ f32: its bits, then four zero bytes
//!           items: their number, then words - 1 items, of which those beyond the number are 0
//! ```
//!
//! Invariant: every byte is covered by a checksum (XXH3-64, seed 0), or is one.

use super::encode::Output;
use crate::sink::rows::{COLUMN_NAME_BYTES, Column, KeyTexts, Kind, row_words};
use bytemuck::{Pod, Zeroable, bytes_of};
use std::io;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

pub(super) const MAGIC: [u8; 8] = *b"MILLRES\0";
pub(super) const VERSION: u32 = 1;

/// The start of a file.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct Header {
    pub(super) magic: [u8; 8],
    pub(super) version: u32,
    pub(super) columns: u32,
    pub(super) row_bytes: u32,
    pub(super) zero: u32,
    pub(super) rows: u64,
    pub(super) texts: u64,
    pub(super) texts_at: u64,
    pub(super) file_bytes: u64,
    pub(super) checksum: u64,
}

/// One column.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct ColumnEntry {
    pub(super) name: [u8; COLUMN_NAME_BYTES],
    pub(super) kind: u32,
    pub(super) words: u32,
}

const _: () = {
    use core::mem::offset_of;
    assert!(
        cfg!(target_endian = "little"),
        "headers are written as they lie in memory"
    );
    assert!(size_of::<Header>() == 64 && size_of::<ColumnEntry>() == 32);
    assert!(offset_of!(Header, version) == 8 && offset_of!(Header, columns) == 12);
    assert!(offset_of!(Header, row_bytes) == 16 && offset_of!(Header, zero) == 20);
    assert!(offset_of!(Header, rows) == 24 && offset_of!(Header, texts) == 32);
    assert!(offset_of!(Header, texts_at) == 40 && offset_of!(Header, file_bytes) == 48);
    assert!(offset_of!(Header, checksum) == 56);
    assert!(offset_of!(ColumnEntry, kind) == 24 && offset_of!(ColumnEntry, words) == 28);
};

impl ColumnEntry {
    fn of(column: &Column) -> Self {
        let mut name = [0; COLUMN_NAME_BYTES];
        name[..column.name.len()].copy_from_slice(column.name.as_bytes());
        let kind = match column.kind {
            Kind::Key => 1,
            Kind::Item => 2,
            Kind::U64 => 3,
            Kind::I64 => 4,
            Kind::F32 => 5,
            Kind::TimeNs => 6,
            Kind::Items(_) => 7,
        };
        ColumnEntry {
            name,
            kind,
            words: column.kind.words() as u32,
        }
    }

    /// What kind it says, if it is one.
    pub(super) fn kind(&self) -> Option<Kind> {
        let kind = match self.kind {
            1 => Kind::Key,
            2 => Kind::Item,
            3 => Kind::U64,
            4 => Kind::I64,
            5 => Kind::F32,
            6 => Kind::TimeNs,
            7 => Kind::Items(self.words.checked_sub(1)?),
            _ => return None,
        };
        (kind.words() == self.words as usize).then_some(kind)
    }
}

/// The checksum of the bytes before the rows, as `start` with that field as 0 has it.
pub(super) fn start_checksum(start: &[u8]) -> u64 {
    let mut start = start.to_vec();
    start[core::mem::offset_of!(Header, checksum)..size_of::<Header>()].fill(0);
    xxh3_64(&start)
}

/// A native file being written; the header goes over the start at the end.
pub(super) struct NativeFile<W> {
    file: W,
    start: Vec<u8>,
    header: Header,
    checksum: Box<Xxh3>,
    row: Vec<u8>,
}

impl<W: Output> NativeFile<W> {
    pub(super) fn output(&self) -> &W {
        &self.file
    }

    pub(super) fn start(mut file: W, columns: &[Column]) -> io::Result<Self> {
        let row_bytes = 8 * row_words(columns);
        let header = Header {
            magic: MAGIC,
            version: VERSION,
            columns: columns.len() as u32,
            row_bytes: row_bytes as u32,
            ..Header::zeroed()
        };
        let mut start = bytes_of(&header).to_vec();
        for column in columns {
            start.extend_from_slice(bytes_of(&ColumnEntry::of(column)));
        }
        file.write_all(&start)?;
        Ok(NativeFile {
            file,
            start,
            header,
            checksum: Box::new(Xxh3::new()),
            row: Vec::with_capacity(row_bytes),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksum.update(bytes);
        self.file.write_all(bytes)
    }

    pub(super) fn row(&mut self, words: &[u64]) -> io::Result<()> {
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        row.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        let written = self.write(&row);
        self.row = row;
        written
    }

    /// Writes texts, checksum and header.
    pub(super) fn end(mut self, rows: u64, texts: &dyn KeyTexts) -> io::Result<W> {
        let (mut written, mut count, mut bytes) = (Ok(()), 0u64, 0u64);
        texts.each(&mut |key, text| {
            if written.is_ok() {
                let length = (text.len() as u32).to_le_bytes();
                written = [&key.to_le_bytes(), &length[..], text]
                    .into_iter()
                    .try_for_each(|part| self.write(part));
                count += 1;
                bytes += 12 + text.len() as u64;
            }
        });
        written?;
        let checksum = self.checksum.digest();
        self.file.write_all(&checksum.to_le_bytes())?;
        let texts_at = self.start.len() as u64 + rows * u64::from(self.header.row_bytes);
        let mut header = Header {
            rows,
            texts: count,
            texts_at,
            file_bytes: texts_at + bytes + 8,
            ..self.header
        };
        self.start[..size_of::<Header>()].copy_from_slice(bytes_of(&header));
        header.checksum = start_checksum(&self.start);
        self.start[..size_of::<Header>()].copy_from_slice(bytes_of(&header));
        self.file.overwrite_start(&self.start)?;
        Ok(self.file)
    }
}
