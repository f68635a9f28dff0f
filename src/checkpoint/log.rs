//! The entries of a part that lie in a log: the part's blocks are maps, which say what of the log counts.
//!
//! ```text
//!   aggregate-0-cold.0 .1 .2   blocks: map of segment 0, of segment 1, …                 three files in rotation
//!   aggregate-0-cold.log       header ├ segment 0 ┼ segment 1 ┼ … ┤                      one file, never copied
//!
//!   map, block s of the part, little-endian:
//!   byte 0      4             8            12      16
//!        ├──────┼─────────────┼────────────┼───────┼─── … ───────────────────────────────────────────┤
//!        │ turn │ frame bytes │ frame bits │ zeros │ one bit a location of the segment: it counts     │
//!        └──────┴─────────────┴────────────┴───────┴─── … ───────────────────────────────────────────┘
//!
//!   extras: pairs of u64 (location, key): the record there does not count if it is this key's
//! ```
//!
//! The writer of the log syncs it before it says that the part's epoch ends, and fills no segment anew that a map
//! of a durable epoch speaks of. So an epoch costs 1/500 of what was logged, and nothing is written twice.
//!
//! Nothing here changes. Invariant: a record is handed out only if its checksum, which covers its location and its
//! turn, agrees.

use super::error::CheckpointError;
use super::names::{log_of, stems};
use super::record::{self, LOG_HEADER_BYTES};
use super::shape::{PartShape, Shape};
use crate::sys::disk::Disk;
use bytemuck::{Pod, Zeroable};
use std::io;
use std::path::{Path, PathBuf};

/// Where the log of part `part` of `shape`, its last or any before, is to lie in the directory of a run, which is made
/// now: the log is there before the writer is.
///
/// # Errors
/// When the directory cannot be made.
pub fn log_path<D: Disk>(
    disk: &D,
    run_dir: &Path,
    shape: &Shape,
    part: usize,
) -> Result<PathBuf, CheckpointError> {
    disk.create_dir(run_dir)
        .map_err(CheckpointError::io(run_dir, "make it"))?;
    Ok(run_dir.join(log_of(&stems(shape)[part])))
}

/// What a map says before its bits.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct MapHeader {
    /// How often the segment has been filled, the turn of its records.
    pub turn: u32,
    /// Bytes of a frame.
    pub frame_bytes: u32,
    /// Frames of a segment, as a shift.
    pub frame_bits: u32,
    /// Zeros.
    pub zeros: u32,
}

const _: () = {
    assert!(size_of::<MapHeader>() == 16);
    assert!(core::mem::offset_of!(MapHeader, frame_bytes) == 4);
    assert!(core::mem::offset_of!(MapHeader, frame_bits) == 8);
};

/// A record that counts.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its key.
    pub key: u64,
    /// Its stamp.
    pub stamp: u64,
    /// Its value.
    pub value: &'a [u8],
}

/// A log to be read.
pub(super) struct Log<'a> {
    /// Reads bytes from an offset on.
    pub(super) read: &'a dyn Fn(&mut [u8], u64) -> io::Result<()>,
    pub(super) path: &'a Path,
    pub(super) part: &'a PartShape,
    /// Records that are on their way out: location and key.
    pub(super) going: Vec<[u64; 2]>,
}

/// The pairs in the extras of a part with a log.
pub(super) fn going(extras: &[u8]) -> Vec<[u64; 2]> {
    let pairs = extras.chunks_exact(size_of::<[u64; 2]>());
    pairs.map(bytemuck::pod_read_unaligned).collect()
}

impl Log<'_> {
    /// Hands every record that counts in segment `segment`, which has this `map`, to `each`; its frames come
    /// through `buffer`.
    pub(super) fn segment(
        &self,
        segment: u64,
        map: &[u8],
        buffer: &mut Vec<u8>,
        each: &mut dyn FnMut(Record<'_>),
    ) -> Result<(), CheckpointError> {
        let (header, bits) = map.split_at(size_of::<MapHeader>());
        let header: MapHeader = bytemuck::pod_read_unaligned(header);
        if header.turn == 0 {
            return Ok(()); // never filled
        }
        let record_bytes = self.part.entry_bytes as usize;
        let records = header.frame_bytes as usize / record_bytes.max(1);
        let record_bits = records.next_power_of_two().trailing_zeros();
        let frames = (bits.len() as u64 * 8) >> record_bits;
        if records == 0 || frames.checked_shr(header.frame_bits).unwrap_or(0) == 0 {
            return Err(CheckpointError::corrupt(
                self.path,
                format!("the map of segment {segment}"),
                LOG_HEADER_BYTES,
                format!("{header:?}"),
                format!("what fits records of {record_bytes} bytes"),
            ));
        }
        for frame in 0..1u64 << header.frame_bits {
            let counts = |record: usize| {
                let bit = (frame as usize) << record_bits | record;
                bits[bit / 8] >> (bit % 8) & 1 == 1
            };
            let Some(first) = (0..records).find(|&at| counts(at)) else {
                continue;
            };
            let end = (first..records)
                .rfind(|&at| counts(at))
                .map_or(first, |at| at + 1);
            let number = segment << header.frame_bits | frame;
            let offset = LOG_HEADER_BYTES
                + number * u64::from(header.frame_bytes)
                + (first * record_bytes) as u64;
            buffer.resize((end - first) * record_bytes, 0);
            (self.read)(buffer, offset).map_err(CheckpointError::io(
                self.path,
                format!("read {} bytes at byte {offset}", buffer.len()),
            ))?;
            for (at, bytes) in (first..end).zip(buffer.chunks_exact(record_bytes)) {
                if !counts(at) {
                    continue;
                }
                let location = (number << record_bits) as u32 | at as u32;
                let (found, expected) = record::checksums(bytes, location, header.turn);
                let key = record::key(bytes);
                if found != expected {
                    return Err(CheckpointError::corrupt(
                        self.path,
                        format!("the checksum of record {location}, key {key},"),
                        offset + ((at - first) * record_bytes) as u64,
                        format!("{found:#010x}"),
                        format!("{expected:#010x}"),
                    ));
                }
                if self.going.contains(&[u64::from(location), key]) {
                    continue;
                }
                let value = &bytes[record::PREFIX_BYTES..];
                each(Record {
                    key,
                    stamp: record::stamp(bytes),
                    value: &value[..self.part.value_bytes as usize],
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Kind;

    /// A log of frames of two records of 32 bytes, four frames a segment: the bytes, as the drawing has them.
    fn log() -> (PartShape, Vec<u8>) {
        let part = PartShape {
            kind: Kind::Log,
            name: "s".into(),
            stage_index: 1,
            partition: 0,
            partitions: 1,
            scheme: "hash".into(),
            entry_bytes: 32,
            value_bytes: 8,
            block_bytes: 64,
        };
        let mut bytes = vec![0; 4096 + 2 * 4 * 64];
        // Segment 1, frame 2, record 1: the turn is 3, the location 1 · 8 + 2 · 2 + 1.
        let at = 4096 + 4 * 64 + 2 * 64 + 32;
        bytes[at..at + 4].copy_from_slice(&0xfb88_cb35_u32.to_le_bytes());
        bytes[at + 8..at + 16].copy_from_slice(&5u64.to_le_bytes());
        bytes[at + 16..at + 24].copy_from_slice(&77u64.to_le_bytes());
        bytes[at + 24..at + 32].copy_from_slice(&1234u64.to_le_bytes());
        (part, bytes)
    }

    fn map() -> Vec<u8> {
        let mut map = vec![0; 64];
        for (at, word) in [3u32, 64, 2, 0, 1 << 5].into_iter().enumerate() {
            map[4 * at..][..4].copy_from_slice(&word.to_le_bytes());
        }
        map
    }

    fn read(map: &[u8], going: Vec<[u64; 2]>) -> Result<Vec<(u64, u64, Vec<u8>)>, CheckpointError> {
        let (part, bytes) = log();
        let log = Log {
            read: &|piece, offset| {
                piece.copy_from_slice(&bytes[offset as usize..][..piece.len()]);
                Ok(())
            },
            path: Path::new("a.log"),
            part: &part,
            going,
        };
        let mut seen = Vec::new();
        log.segment(1, map, &mut Vec::new(), &mut |record| {
            seen.push((record.key, record.stamp, record.value.to_vec()));
        })?;
        Ok(seen)
    }

    #[test]
    fn the_bytes_are_those_that_are_drawn() {
        let seen = read(&map(), Vec::new()).expect("as it was written");
        assert_eq!(seen, [(77, 5, 1234u64.to_le_bytes().to_vec())]);
        assert_eq!(read(&[0; 64], Vec::new()).expect("never filled"), []);
        let going = vec![[13, 77]];
        assert_eq!(read(&map(), going).expect("on its way out"), []);
        let another = vec![[13, 78]];
        assert_eq!(read(&map(), another).expect("another key's").len(), 1);
    }

    #[test]
    fn another_place_turn_or_size_is_told() {
        for (at, word) in [(0, 4u32), (16, 1 << 4), (16, 1 << 5 | 1), (4, 0), (8, 40)] {
            let mut map = map();
            map[at..at + 4].copy_from_slice(&word.to_le_bytes());
            let told = read(&map, Vec::new()).expect_err("not what was written");
            assert!(told.to_string().contains("a.log"), "{told}");
        }
    }
}
