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
//! of a durable epoch speaks of. So an epoch costs 1/256 of what was logged, and nothing is written twice.
//!
//! Nothing here changes. Invariant: a record is handed out only if its checksum, which covers its location and its
//! turn, agrees.

use super::error::CheckpointError;
use super::names::{log_of, stems};
use super::record::{self, LOG_HEADER_BYTES};
use super::shape::{PartShape, Shape};
use bytemuck::{Pod, Zeroable};
use std::io;
use std::path::{Path, PathBuf};

/// Where the log of part `part` of `shape`, its last or any before, is to lie in the directory of a run, which is made
/// now: the log is there before the writer is.
///
/// # Errors
/// When the directory cannot be made.
pub fn log_path(run_dir: &Path, shape: &Shape, part: usize) -> Result<PathBuf, CheckpointError> {
    std::fs::create_dir_all(run_dir).map_err(CheckpointError::io(run_dir, "make it"))?;
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
        let locations = (bits.len() as u64 * 8).checked_shr(record_bits);
        if records == 0 || locations.is_none_or(|frames| frames >> header.frame_bits == 0) {
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
