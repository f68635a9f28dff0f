//! The bytes of a manifest: which epochs are whole, and what each part's file must be for it.
//!
//! ```text
//!   byte 0        4096      8192           8192+S          8192+2S         8192+3S          8192+4S
//!        ├─────────┼─────────┼──────────────┼───────────────┼───────────────┼────────────────┤
//!        │ header  │ header  │ slot 0       │ slot 1        │ slot 2        │ slot 3         │
//!        │ 4 KiB   │ again   │ S bytes      │               │               │                │
//!        └─────────┴─────────┴──────────────┴───────────────┴───────────────┴────────────────┘
//!
//!   header, little-endian throughout           slot; S is a multiple of 4096, fixed when the run begins
//!   byte  0  magic "MILLMAN\0"                 byte  0  magic "MILLEPO\0"     32  wall clock u64, ms since 1970
//!         8  version u32 = 1                         8  version u32 = 1       40  bytes written for it u64
//!        12  slots u32 = 4                          12  rotation file u32     48  parts u32
//!        16  run u64                                16  run u64               52  bytes of the shape u32
//!        24  S u64                                  24  epoch u64; 0: never used
//!        32  zeros                                  56  zeros
//!      4092  CRC-32C of bytes 0..4092               64  the shape (postcard), zeros up to a multiple of 8
//!                                                    …  for each part 16 bytes:
//!                                                          0  CRC-32C of its file's header u32
//!                                                          4  zeros
//!                                                          8  bytes of its file that mean something u64
//!                                                    …  zeros
//!                                                  S-4  CRC-32C of bytes 0..S-4
//! ```
//!
//! A slot that was never used is sealed as well, so that one that was zeroed is told from it. There is one
//! slot more than rotation files, and they are filled in turn: the slot being written is never one of the
//! three that describe the files.

use super::ROTATION;
use super::error::CheckpointError;
use super::layout::{PAGE_BYTES, SEAL_BYTES, VERSION, check_sealed, seal};
use super::shape::Shape;
use bytemuck::{Pod, Zeroable};
use std::path::Path;

/// Slots of a manifest.
pub(super) const SLOTS: usize = ROTATION + 1;
/// First byte of the first slot: behind the header and its copy.
const SLOTS_AT: u64 = 2 * PAGE_BYTES as u64;
/// Largest slot believed: a flow of 100,000 parts needs 10 MB.
const SLOT_BYTES_MAX: u64 = 1 << 26;

const HEADER_MAGIC: [u8; 8] = *b"MILLMAN\0";
const SLOT_MAGIC: [u8; 8] = *b"MILLEPO\0";

/// The manifest's header.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct ManifestHeader {
    magic: [u8; 8],
    version: u32,
    slots: u32,
    pub(super) run: u64,
    pub(super) slot_bytes: u64,
}

/// The first bytes of a slot.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct SlotHead {
    magic: [u8; 8],
    version: u32,
    target: u32,
    run: u64,
    epoch: u64,
    wall_ms: u64,
    written_bytes: u64,
    parts: u32,
    shape_bytes: u32,
    zeros: u64,
}

/// What a slot says of one part.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct SlotPart {
    /// Checksum in the header of its file.
    pub(super) header_crc: u32,
    pub(super) zeros: u32,
    /// Bytes of its file that mean something.
    pub(super) bytes: u64,
}

const _: () = {
    assert!(size_of::<ManifestHeader>() == 32);
    assert!(core::mem::offset_of!(ManifestHeader, slots) == 12);
    assert!(core::mem::offset_of!(ManifestHeader, run) == 16);
    assert!(core::mem::offset_of!(ManifestHeader, slot_bytes) == 24);
    assert!(size_of::<SlotHead>() == 64);
    assert!(core::mem::offset_of!(SlotHead, target) == 12);
    assert!(core::mem::offset_of!(SlotHead, run) == 16);
    assert!(core::mem::offset_of!(SlotHead, epoch) == 24);
    assert!(core::mem::offset_of!(SlotHead, wall_ms) == 32);
    assert!(core::mem::offset_of!(SlotHead, written_bytes) == 40);
    assert!(core::mem::offset_of!(SlotHead, parts) == 48);
    assert!(core::mem::offset_of!(SlotHead, shape_bytes) == 52);
    assert!(size_of::<SlotPart>() == 16);
    assert!(core::mem::offset_of!(SlotPart, bytes) == 8);
};

/// A slot's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Which of the rotation files hold it.
    pub(super) target: u8,
    /// The run.
    pub(super) run: u64,
    /// The epoch; 0 in a slot that was never used.
    pub(super) epoch: u64,
    /// When it became durable, ms since 1970.
    pub(super) wall_ms: u64,
    /// Bytes written for it.
    pub(super) written_bytes: u64,
    /// The flow's parts.
    pub(super) shape: Shape,
    /// What each part's file must be.
    pub(super) parts: Vec<SlotPart>,
}

impl ManifestHeader {
    /// For a run whose slots hold `shape`.
    pub(super) fn new(run: u64, shape: &Shape) -> Self {
        let contents = shape_at_end(encoded(shape).len(), shape.parts.len()) + SEAL_BYTES;
        ManifestHeader {
            magic: HEADER_MAGIC,
            version: VERSION,
            slots: SLOTS as u32,
            run,
            slot_bytes: contents.next_multiple_of(PAGE_BYTES) as u64,
        }
    }

    /// As a page with its checksum.
    pub(super) fn page(&self) -> Vec<u8> {
        let mut page = vec![0; PAGE_BYTES];
        page[..size_of::<Self>()].copy_from_slice(bytemuck::bytes_of(self));
        seal(&mut page);
        page
    }

    /// The header in `page`, which stands at byte `offset` of the manifest at `path`.
    pub(super) fn read(page: &[u8], offset: u64, path: &Path) -> Result<Self, CheckpointError> {
        let header: Self = bytemuck::pod_read_unaligned(&page[..size_of::<Self>()]);
        check_sealed(
            page,
            &HEADER_MAGIC,
            header.version,
            path,
            "the header",
            offset,
        )?;
        let sound = header.slots == SLOTS as u32
            && header.slot_bytes <= SLOT_BYTES_MAX
            && header.slot_bytes >= PAGE_BYTES as u64
            && header.slot_bytes.is_multiple_of(PAGE_BYTES as u64);
        if !sound {
            return Err(CheckpointError::corrupt(
                path,
                "the header",
                offset,
                format!("{} slots of {} bytes", header.slots, header.slot_bytes),
                format!(
                    "{SLOTS} slots of a multiple of {PAGE_BYTES} bytes, at most {SLOT_BYTES_MAX}"
                ),
            ));
        }
        Ok(header)
    }

    /// First byte of slot `slot`.
    pub(super) fn slot_offset(&self, slot: usize) -> u64 {
        SLOTS_AT + slot as u64 * self.slot_bytes
    }

    /// Bytes of the manifest.
    pub(super) fn end(&self) -> u64 {
        self.slot_offset(SLOTS)
    }
}

fn encoded(shape: &Shape) -> Vec<u8> {
    postcard::to_stdvec(shape)
        .expect("memory takes every length, and the shape has no type that cannot be written")
}

/// Bytes of a slot up to the end of what it says of its parts.
fn shape_at_end(shape_bytes: usize, parts: usize) -> usize {
    parts_at(shape_bytes) + parts * size_of::<SlotPart>()
}

fn parts_at(shape_bytes: usize) -> usize {
    size_of::<SlotHead>() + shape_bytes.next_multiple_of(8)
}

impl Slot {
    /// One that was never used, of a run with `shape`.
    pub(super) fn unused(run: u64, shape: &Shape) -> Self {
        Slot {
            target: 0,
            run,
            epoch: 0,
            wall_ms: 0,
            written_bytes: 0,
            shape: shape.clone(),
            parts: vec![SlotPart::default(); shape.parts.len()],
        }
    }

    /// As `slot_bytes` bytes with their checksum.
    pub(super) fn bytes(&self, slot_bytes: u64) -> Vec<u8> {
        let shape = encoded(&self.shape);
        let head = SlotHead {
            magic: SLOT_MAGIC,
            version: VERSION,
            target: u32::from(self.target),
            run: self.run,
            epoch: self.epoch,
            wall_ms: self.wall_ms,
            written_bytes: self.written_bytes,
            parts: self.parts.len() as u32,
            shape_bytes: shape.len() as u32,
            zeros: 0,
        };
        let mut bytes = vec![0; slot_bytes as usize];
        let at = size_of::<SlotHead>();
        bytes[..at].copy_from_slice(bytemuck::bytes_of(&head));
        bytes[at..at + shape.len()].copy_from_slice(&shape);
        let at = parts_at(shape.len());
        let parts: &[u8] = bytemuck::cast_slice(&self.parts);
        bytes[at..at + parts.len()].copy_from_slice(parts);
        seal(&mut bytes);
        bytes
    }

    /// The slot in `bytes`, which stand at byte `offset` of the manifest at `path`.
    pub(super) fn read(bytes: &[u8], offset: u64, path: &Path) -> Result<Self, CheckpointError> {
        let head: SlotHead = bytemuck::pod_read_unaligned(&bytes[..size_of::<SlotHead>()]);
        check_sealed(bytes, &SLOT_MAGIC, head.version, path, "the slot", offset)?;
        let wrong = |what: &str, found: String, expected: &str| {
            CheckpointError::corrupt(path, what, offset, found, expected)
        };
        let (shape_bytes, parts) = (head.shape_bytes as usize, head.parts as usize);
        let room = bytes.len() - SEAL_BYTES;
        if shape_at_end(shape_bytes, parts) > room || head.target as usize >= ROTATION {
            let found = format!(
                "{shape_bytes} bytes of shape, {parts} parts, rotation file {}",
                head.target
            );
            return Err(wrong("the slot", found, "what fits the slot"));
        }
        let at = size_of::<SlotHead>();
        let shape: Shape = postcard::from_bytes(&bytes[at..at + shape_bytes]).map_err(|error| {
            wrong(
                "the shape in the slot",
                error.to_string(),
                "the parts of a flow",
            )
        })?;
        if shape.parts.len() != parts {
            let found = format!("{} parts", shape.parts.len());
            return Err(wrong(
                "the shape in the slot",
                found,
                "as many parts as the slot has",
            ));
        }
        let at = parts_at(shape_bytes);
        let part = |bytes: &[u8]| bytemuck::pod_read_unaligned(bytes);
        let size = size_of::<SlotPart>();
        Ok(Slot {
            target: head.target as u8,
            run: head.run,
            epoch: head.epoch,
            wall_ms: head.wall_ms,
            written_bytes: head.written_bytes,
            parts: bytes[at..at + parts * size]
                .chunks_exact(size)
                .map(part)
                .collect(),
            shape,
        })
    }
}
