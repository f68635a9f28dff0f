//! The bytes of a part's file: fixed places, so that nothing moves when the part grows.
//!
//! ```text
//!   byte 0        4096          8192                         8192+1024·B
//!        ├─────────┼─────────────┼────────────────────────────┼─────────────┼──────────────────────
//!        │ header  │ index page  │ places 0 … 1023            │ index page  │ places 1024 … 2047
//!        │ 4 KiB   │ 1024 × u32  │ B bytes each               │ 1024 × u32  │                       …
//!        └─────────┴─────────────┴────────────────────────────┴─────────────┴──────────────────────
//!                  └──────────────── group 0 ─────────────────┴──────────── group 1 ──── …
//!
//!   place p:      p < blocks: block p of the part's entries; behind them the extras, the last one padded
//!                 with zeros; what follows, and the room taken ahead, means nothing
//!   index page:   CRC-32C of the bytes in each of its group's places, in order; 0 for a place without meaning
//!
//!   header, little-endian throughout
//!   byte  0  magic "MILLCKP\0"      16  run u64                40  extras' bytes u64
//!         8  version u32 = 1        24  epoch u64              48  B, bytes of a block, u32
//!        12  part u32               32  entries' blocks u64    52  CRC-32C of the index pages in use, in order
//!        56  zeros                4092  CRC-32C of bytes 0..4092
//! ```
//!
//! The slot of the manifest names the header's checksum, the header that of the index, the index that of
//! every place: what was flipped, torn, zeroed, swapped or left from an older epoch does not agree with it.
//!
//! Not here: who writes them when (`part_file.rs`), and the manifest (`slot.rs`).

use super::error::CheckpointError;
use super::record;
use super::shape::{Kind, PartShape};
use bytemuck::{Pod, Zeroable};
use std::path::Path;

/// Bytes of a header, and of an index page: the unit in which memory and disks are written.
pub(super) const PAGE_BYTES: usize = 4096;
/// Where a sealed page has its checksum.
pub(super) const SEAL_BYTES: usize = 4;
/// Places of a group: as many checksums as a page holds.
pub(super) const GROUP_PLACES: u64 = (PAGE_BYTES / 4) as u64;
/// Version of files and manifest.
pub(super) const VERSION: u32 = 1;
/// Largest block: an index page then covers 64 MiB.
pub(super) const BLOCK_BYTES_MAX: u32 = 1 << 16;
/// Smallest block: one cache line, one entry.
pub(super) const BLOCK_BYTES_MIN: u32 = 64;
/// Places of a file at the most: offsets stay below 2^48, far from the end of every file system's.
pub(super) const PLACES_MAX: u64 = 1 << 32;

const MAGIC: [u8; 8] = *b"MILLCKP\0";

/// The header's fields.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct Header {
    pub(super) magic: [u8; 8],
    pub(super) version: u32,
    pub(super) part: u32,
    pub(super) run: u64,
    pub(super) epoch: u64,
    pub(super) blocks: u64,
    pub(super) extras_bytes: u64,
    pub(super) block_bytes: u32,
    pub(super) index_crc: u32,
}

const _: () = {
    assert!(
        cfg!(target_endian = "little"),
        "headers lie in files as they lie in memory: swap bytes where memory is big-endian"
    );
    assert!(size_of::<Header>() == 56);
    assert!(core::mem::offset_of!(Header, version) == 8);
    assert!(core::mem::offset_of!(Header, part) == 12);
    assert!(core::mem::offset_of!(Header, run) == 16);
    assert!(core::mem::offset_of!(Header, epoch) == 24);
    assert!(core::mem::offset_of!(Header, blocks) == 32);
    assert!(core::mem::offset_of!(Header, extras_bytes) == 40);
    assert!(core::mem::offset_of!(Header, block_bytes) == 48);
    assert!(core::mem::offset_of!(Header, index_crc) == 52);
    assert!(PLACES_MAX as u128 * (BLOCK_BYTES_MAX as u128 + 4) < 1 << 49);
};

impl Header {
    pub(super) fn new(part: u32, run: u64, epoch: u64, places: Places) -> Self {
        Header {
            magic: MAGIC,
            version: VERSION,
            part,
            run,
            epoch,
            blocks: places.blocks,
            extras_bytes: places.extras_bytes,
            block_bytes: places.block_bytes,
            index_crc: 0,
        }
    }

    /// As a page, with its checksum, and that checksum.
    pub(super) fn page(&self) -> (Vec<u8>, u32) {
        let mut page = vec![0; PAGE_BYTES];
        page[..size_of::<Header>()].copy_from_slice(bytemuck::bytes_of(self));
        let crc = seal(&mut page);
        (page, crc)
    }

    /// The header in `page` of the file at `path`.
    pub(super) fn read(page: &[u8], path: &Path) -> Result<Self, CheckpointError> {
        let header: Header = bytemuck::pod_read_unaligned(&page[..size_of::<Header>()]);
        check_sealed(page, &MAGIC, header.version, path, "the header", 0)?;
        Ok(header)
    }

    pub(super) fn places(&self) -> Places {
        Places {
            block_bytes: self.block_bytes,
            blocks: self.blocks,
            extras_bytes: self.extras_bytes,
        }
    }
}

/// How many places a part fills, and where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// Bytes of each.
    pub(super) block_bytes: u32,
    /// Those of entries.
    pub(super) blocks: u64,
    /// Bytes of extras in those behind.
    pub(super) extras_bytes: u64,
}

impl Places {
    /// All of them.
    pub(super) fn total(&self) -> u64 {
        self.blocks.saturating_add(self.extras_places())
    }

    pub(super) fn extras_places(&self) -> u64 {
        self.extras_bytes.div_ceil(u64::from(self.block_bytes))
    }

    pub(super) fn groups(&self) -> u64 {
        self.total().div_ceil(GROUP_PLACES)
    }

    /// First byte behind the last one.
    pub(super) fn end(&self) -> u64 {
        match self.total() {
            0 => PAGE_BYTES as u64,
            total => self.offset(total - 1) + u64::from(self.block_bytes),
        }
    }

    /// First byte of place `place`.
    pub(super) fn offset(&self, place: u64) -> u64 {
        place_offset(self.block_bytes, place)
    }
}

/// First byte of place `place` in a file of blocks of `block_bytes`.
pub(super) fn place_offset(block_bytes: u32, place: u64) -> u64 {
    index_offset(block_bytes, place / GROUP_PLACES)
        + PAGE_BYTES as u64
        + place % GROUP_PLACES * u64::from(block_bytes)
}

/// First byte of the index page of group `group`.
pub(super) fn index_offset(block_bytes: u32, group: u64) -> u64 {
    let group_bytes = PAGE_BYTES as u64 + GROUP_PLACES * u64::from(block_bytes);
    PAGE_BYTES as u64 + group * group_bytes
}

/// Puts the checksum of all that stands before it into the last bytes of `page`, and returns it.
pub(super) fn seal(page: &mut [u8]) -> u32 {
    let at = page.len() - SEAL_BYTES;
    let crc = crc32c::crc32c(&page[..at]);
    page[at..].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// The checksum that [`seal`] put into `page`.
pub(super) fn seal_of(page: &[u8]) -> u32 {
    let mut crc = [0; SEAL_BYTES];
    crc.copy_from_slice(&page[page.len() - SEAL_BYTES..]);
    u32::from_le_bytes(crc)
}

/// Whether `page` is what was sealed, of the right kind and of a known version.
pub(super) fn check_sealed(
    page: &[u8],
    magic: &[u8; 8],
    version: u32,
    path: &Path,
    what: &str,
    offset: u64,
) -> Result<(), CheckpointError> {
    let wrong = |what: String, at, found: String, expected: String| {
        CheckpointError::corrupt(path, what, at, found, expected)
    };
    if page.iter().all(|byte| *byte == 0) {
        return Err(wrong(
            what.into(),
            offset,
            "all zero".into(),
            "what was written".into(),
        ));
    }
    let (found, computed) = (
        seal_of(page),
        crc32c::crc32c(&page[..page.len() - SEAL_BYTES]),
    );
    if found != computed {
        return Err(wrong(
            format!("the checksum of {what}"),
            offset + (page.len() - SEAL_BYTES) as u64,
            format!("{found:#010x}"),
            format!("{computed:#010x}"),
        ));
    }
    if page[..8] != *magic {
        return Err(wrong(
            format!("the beginning of {what}"),
            offset,
            format!("{:?}", String::from_utf8_lossy(&page[..8])),
            format!("{:?}", String::from_utf8_lossy(magic)),
        ));
    }
    match version {
        VERSION => Ok(()),
        newer if newer > VERSION => Err(CheckpointError::Newer {
            path: path.display().to_string(),
            found: newer,
            known: VERSION,
        }),
        other => Err(wrong(
            format!("the version of {what}"),
            offset + 8,
            other.to_string(),
            format!("1 to {VERSION}"),
        )),
    }
}

/// Whether a part of this shape fits a file.
pub(super) fn check_shape(shape: &PartShape) -> Result<(), CheckpointError> {
    let wrong = |what: String| CheckpointError::Shape {
        part: format!("{}-{}", shape.name, shape.partition),
        what,
    };
    let block_bytes = shape.block_bytes;
    if !(BLOCK_BYTES_MIN..=BLOCK_BYTES_MAX).contains(&block_bytes) || !block_bytes.is_multiple_of(8)
    {
        return Err(wrong(format!(
            "blocks of {block_bytes} bytes; a multiple of 8 from {BLOCK_BYTES_MIN} to {BLOCK_BYTES_MAX} would do"
        )));
    }
    let entry_bytes = shape.entry_bytes;
    if shape.kind == Kind::Log {
        let wanted = record::record_bytes(shape.value_bytes as usize);
        return (entry_bytes as usize == wanted)
            .then_some(())
            .ok_or_else(|| {
                wrong(format!(
                    "records of {entry_bytes} bytes with values of {}; {wanted} would do",
                    shape.value_bytes
                ))
            });
    }
    if entry_bytes > 0
        && (!block_bytes.is_multiple_of(entry_bytes)
            || u64::from(shape.value_bytes) + 16 > u64::from(entry_bytes))
    {
        return Err(wrong(format!(
            "entries of {entry_bytes} bytes with values of {} in blocks of {block_bytes}; an entry holds 16 bytes and \
             the value, a block whole entries",
            shape.value_bytes
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stand_where_they_are_drawn() {
        let places = |blocks, extras_bytes| Places {
            block_bytes: 4096,
            blocks,
            extras_bytes,
        };
        assert_eq!(places(0, 0).end(), 4096);
        assert_eq!(places(0, 0).groups(), 0);
        assert_eq!(places(0, 1).end(), 8192 + 4096);
        assert_eq!(places(3, 0).offset(2), 8192 + 2 * 4096);
        assert_eq!(places(1023, 4096).groups(), 1);
        assert_eq!(places(1023, 4097).groups(), 2);
        assert_eq!(places(0, 0).offset(1024), 8192 + 1024 * 4096 + 4096);
    }

    #[test]
    fn a_newer_version_is_refused_as_such() {
        let places = Places {
            block_bytes: 64,
            blocks: 1,
            extras_bytes: 0,
        };
        let mut header = Header::new(3, 1, 7, places);
        let (page, _) = header.page();
        assert_eq!(Header::read(&page, Path::new("f")).ok(), Some(header));
        header.version = 2;
        let error = Header::read(&header.page().0, Path::new("f")).expect_err("newer");
        assert!(
            matches!(error, CheckpointError::Newer { found: 2, .. }),
            "{error}"
        );
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_found() {
        let places = Places {
            block_bytes: 4096,
            blocks: 1,
            extras_bytes: 10,
        };
        let (mut page, _) = Header::new(0, 1, 1, places).page();
        for bit in 0..page.len() * 8 {
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::read(&page, Path::new("f")).is_err(), "bit {bit}");
            page[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
