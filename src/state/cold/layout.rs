//! The bytes of a cold file, and the numbers that say where a record is.
//!
//! ```text
//!   file:     ├ header, 4096 B ┼ segment 0 ┼ segment 1 ┼ … ┤     segment = 2^n frames, reused when empty
//!   segment:  ├ frame ┼ frame ┼ … ┤                              frame = what is written in one go
//!   frame:    ├ record ┼ record ┼ … ┼ rest ┤                     records do not straddle frames
//!
//!   header:
//!   byte 0        8         12             16          20         24
//!        ├────────┼─────────┼──────────────┼───────────┼──────────┤
//!        │ magic  │ version │ record bytes │ partition │ crc32c   │  of the 20 bytes before it
//!        └────────┴─────────┴──────────────┴───────────┴──────────┘
//! ```
//!
//! A record and its location: [`record`].

use super::error::ColdError;
use super::options::ColdOptions;
use crate::checkpoint::{LOG_HEADER_BYTES, MapHeader, record};
use bytemuck::Pod;

/// Bytes before the first segment.
pub(super) const HEADER_BYTES: u64 = LOG_HEADER_BYTES;
/// Locations are below this: the index keeps one bit of the 32 for itself, and the last is never given.
pub(super) const LOCATIONS: u64 = (1 << 31) - 1;

const MAGIC: [u8; 8] = *b"MSCOLD\r\n";
const VERSION: u32 = 1;
const HEADER_FIELDS: usize = 24;

const _: () = {
    assert!(HEADER_FIELDS == size_of_val(&MAGIC) + 4 * size_of::<u32>());
    assert!(HEADER_FIELDS as u64 <= HEADER_BYTES);
};

/// Sizes of one tier's file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) record_bytes: usize,
    pub(super) frame_bytes: usize,
    /// Records in a full frame.
    pub(super) frame_records: u32,
    /// Bits of a location for the record in its frame.
    pub(super) record_bits: u32,
    /// Bits of a location for the frame in its segment.
    pub(super) frame_bits: u32,
}

impl Layout {
    /// The layout of records of `value_bytes` under `options`.
    pub(super) fn new(value_bytes: usize, options: &ColdOptions) -> Result<Self, ColdError> {
        let record_bytes = record::record_bytes(value_bytes);
        let wrong = |what: String| Err(ColdError::Options { what });
        let frames = options.segment_bytes / options.frame_bytes.max(1);
        if options.frame_bytes < record_bytes || !options.frame_bytes.is_multiple_of(8) {
            return wrong(format!(
                "frame_bytes is {}: give a multiple of 8 that holds a record, which has {record_bytes} bytes here",
                options.frame_bytes
            ));
        }
        if !frames.is_power_of_two() || frames * options.frame_bytes != options.segment_bytes {
            return wrong(format!(
                "segment_bytes is {}: give a power of two times frame_bytes ({})",
                options.segment_bytes, options.frame_bytes
            ));
        }
        if options.grow_bytes == 0
            || !options
                .grow_bytes
                .is_multiple_of(options.segment_bytes as u64)
        {
            return wrong(format!(
                "grow_bytes is {}: give a multiple of segment_bytes ({})",
                options.grow_bytes, options.segment_bytes
            ));
        }
        let frame_records = (options.frame_bytes / record_bytes) as u32;
        Ok(Layout {
            record_bytes,
            frame_bytes: options.frame_bytes,
            frame_records,
            record_bits: frame_records.next_power_of_two().trailing_zeros(),
            frame_bits: frames.trailing_zeros(),
        })
    }

    /// Frames of a segment.
    pub(super) fn segment_frames(&self) -> u32 {
        1 << self.frame_bits
    }

    /// Records of a full segment.
    pub(super) fn segment_records(&self) -> u32 {
        self.frame_records << self.frame_bits
    }

    /// Bits of a location below its segment.
    #[inline(always)]
    pub(super) fn segment_bits(&self) -> u32 {
        self.record_bits + self.frame_bits
    }

    /// A location within its segment.
    #[inline(always)]
    pub(super) fn in_segment(&self, location: u32) -> u32 {
        location & ((1 << self.segment_bits()) - 1)
    }

    /// Segments that locations can name.
    pub(super) fn segments_max(&self) -> u32 {
        (LOCATIONS >> self.segment_bits()) as u32
    }

    /// Bytes of a segment.
    pub(super) fn segment_bytes(&self) -> u64 {
        (self.frame_bytes as u64) << self.frame_bits
    }

    /// Bytes of the map of a segment, a checkpoint's block.
    pub(super) fn map_bytes(&self) -> usize {
        let bits_bytes = (1usize << self.segment_bits()).div_ceil(8);
        (size_of::<MapHeader>() + bits_bytes).next_multiple_of(64)
    }

    /// What the map of a segment says of itself, before it is first filled.
    pub(super) fn map_header(&self) -> MapHeader {
        MapHeader {
            turn: 0,
            frame_bytes: self.frame_bytes as u32,
            frame_bits: self.frame_bits,
            zeros: 0,
        }
    }

    /// The frame of a location, counted through the file.
    #[inline(always)]
    pub(super) fn frame_of(&self, location: u32) -> u32 {
        location >> self.record_bits
    }

    /// The record of a location in its frame.
    #[inline(always)]
    pub(super) fn record_of(&self, location: u32) -> usize {
        (location & ((1 << self.record_bits) - 1)) as usize
    }

    /// Where in the file a frame starts.
    #[inline(always)]
    pub(super) fn frame_offset(&self, frame: u32) -> u64 {
        HEADER_BYTES + u64::from(frame) * self.frame_bytes as u64
    }

    /// Where in the file a record starts.
    #[inline(always)]
    pub(super) fn offset(&self, location: u32) -> u64 {
        self.frame_offset(self.frame_of(location))
            + (self.record_of(location) * self.record_bytes) as u64
    }
}

/// The stamp, the key and the value of a record, as they are.
#[inline(always)]
pub(super) fn get<V: Pod>(bytes: &[u8]) -> (u64, u64, V) {
    let value = &bytes[record::PREFIX_BYTES..record::PREFIX_BYTES + size_of::<V>()];
    (
        record::stamp(bytes),
        record::key(bytes),
        bytemuck::pod_read_unaligned(value),
    )
}

/// The header of the file of `partition`.
pub(super) fn header(layout: &Layout, partition: u32) -> [u8; HEADER_FIELDS] {
    let mut bytes = [0; HEADER_FIELDS];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&(layout.record_bytes as u32).to_le_bytes());
    bytes[16..20].copy_from_slice(&partition.to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..20]);
    bytes[20..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Whether these bytes begin a cold file, of whatever version.
pub(super) fn is_cold_file(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}
