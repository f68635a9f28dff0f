//! The bytes of a segment: a header, then frames, each a multiple of 8 bytes. Zeros follow the last.
//!
//! ```text
//!   header  0        8       12      16       24       32     36        40
//!           ├────────┼───────┼───────┼────────┼────────┼──────┼─────────┤
//!           │ magic  │version│ unit  │ first  │ first  │ crc  │ zero    │     crc: of bytes 0‥32
//!           │        │ u32   │ bytes │sequence│ unit   │ u32  │ u32     │
//!           └────────┴───────┴───────┴────────┴────────┴──────┴─────────┘
//!   frame   0        4       8        16       24       32              32 + length
//!           ├────────┼───────┼────────┼────────┼────────┼───────────────┼─────┤
//!           │ length │ crc   │sequence│ first  │ synced │ payload       │zeros│   crc: of the length, then of
//!           │ u32    │ u32   │ u64    │ unit   │ u64    │               │ to 8│   bytes 8‥32 + length
//!           └────────┴───────┴────────┴────────┴────────┴───────────────┴─────┘
//! ```
//!
//! `unit`s are what is counted: records, or bytes of texts. `synced` is the sequence number up to which everything
//! was safe when the frame was written: a bad frame below it was not torn, it was damaged.

use bytemuck::{Pod, Zeroable, bytes_of, pod_read_unaligned};
use crc32c::{crc32c, crc32c_append};

pub(super) const MAGIC: [u8; 8] = *b"MILLJRN\0";
pub(super) const VERSION: u32 = 1;
pub(super) const HEADER_BYTES: usize = size_of::<SegmentHeader>();
pub(super) const FRAME_BYTES: usize = size_of::<FrameHeader>();
/// Longest payload: bounds what a damaged length can make a reader allocate.
pub(super) const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// The start of a segment.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct SegmentHeader {
    pub(super) magic: [u8; 8],
    pub(super) version: u32,
    pub(super) unit_bytes: u32,
    pub(super) first_sequence: u64,
    pub(super) first_unit: u64,
    pub(super) crc: u32,
    pub(super) zero: u32,
}

/// The start of a frame.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct FrameHeader {
    pub(super) length: u32,
    pub(super) crc: u32,
    pub(super) sequence: u64,
    pub(super) first_unit: u64,
    pub(super) synced: u64,
}

const _: () = {
    use core::mem::offset_of;
    assert!(
        cfg!(target_endian = "little"),
        "headers lie in files as in memory"
    );
    assert!(HEADER_BYTES == 40 && FRAME_BYTES == 32);
    assert!(offset_of!(SegmentHeader, version) == 8 && offset_of!(SegmentHeader, unit_bytes) == 12);
    assert!(offset_of!(SegmentHeader, first_sequence) == 16);
    assert!(offset_of!(SegmentHeader, first_unit) == 24 && offset_of!(SegmentHeader, crc) == 32);
    assert!(offset_of!(FrameHeader, crc) == 4 && offset_of!(FrameHeader, sequence) == 8);
    assert!(offset_of!(FrameHeader, first_unit) == 16 && offset_of!(FrameHeader, synced) == 24);
};

impl SegmentHeader {
    pub(super) fn new(unit_bytes: u32, first_sequence: u64, first_unit: u64) -> Self {
        let mut header = SegmentHeader {
            magic: MAGIC,
            version: VERSION,
            unit_bytes,
            first_sequence,
            first_unit,
            crc: 0,
            zero: 0,
        };
        header.crc = header.checksum();
        header
    }

    /// The header at the start of `bytes`, if it is whole and right.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let header: SegmentHeader = pod_read_unaligned(bytes.get(..HEADER_BYTES)?);
        let right = header.magic == MAGIC && header.crc == header.checksum() && header.zero == 0;
        right.then_some(header)
    }

    fn checksum(&self) -> u32 {
        crc32c(&bytes_of(self)[..32])
    }
}

/// A frame in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) header: FrameHeader,
    pub(super) payload: &'a [u8],
}

/// Bytes of a frame with `length` bytes of payload.
pub(super) fn frame_bytes(length: usize) -> usize {
    FRAME_BYTES + length.next_multiple_of(8)
}

/// Appends a frame to `into`.
pub(super) fn put(into: &mut Vec<u8>, sequence: u64, first_unit: u64, synced: u64, payload: &[u8]) {
    let mut header = FrameHeader {
        length: payload.len() as u32,
        crc: 0,
        sequence,
        first_unit,
        synced,
    };
    header.crc = checksum(&header, payload);
    into.extend_from_slice(bytes_of(&header));
    into.extend_from_slice(payload);
    into.resize(into.len().next_multiple_of(8), 0);
}

/// The frame at the start of `bytes`, if there is one that is whole and right.
pub(super) fn get(bytes: &[u8]) -> Option<Frame<'_>> {
    let header: FrameHeader = pod_read_unaligned(bytes.get(..FRAME_BYTES)?);
    let length = header.length as usize;
    if length == 0 || length > PAYLOAD_BYTES_MAX {
        return None;
    }
    let whole = bytes.get(FRAME_BYTES..frame_bytes(length))?;
    let (payload, padding) = whole.split_at(length);
    let right = padding.iter().all(|byte| *byte == 0) && header.crc == checksum(&header, payload);
    right.then_some(Frame { header, payload })
}

fn checksum(header: &FrameHeader, payload: &[u8]) -> u32 {
    let bytes = bytes_of(header);
    let crc = crc32c_append(crc32c(&bytes[..4]), &bytes[8..]);
    crc32c_append(crc, payload)
}
