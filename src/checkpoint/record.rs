//! A record of a log: one entry that is not in memory, as the cold tier of bounded state writes it and as a restored
//! run reads it.
//!
//! ```text
//!   record, little-endian:
//!   byte 0        4       8              16             24                       24 + value, rounded up to 8
//!        ├────────┼───────┼──────────────┼──────────────┼─── … ───┼── zeros ──┤
//!        │ crc32c │ zeros │ stamp        │ key          │ value   │           │
//!        └────────┴───────┴──────────────┴──────────────┴─── … ───┴───────────┘
//!
//!   location, 31 bits:  │ segment │ frame of it │ record of it │   shifts, no division
//! ```
//!
//! The checksum of a record covers its bytes from byte 4 on, its location, and how often its place has been
//! written (the *turn*): a flipped bit, a record that landed in the wrong place and a write that never happened are
//! told alike. Bytes only; who owns them says so.

/// Bytes of a record before its value.
pub const PREFIX_BYTES: usize = 24;
/// Bytes of a log before its first segment: a page, so that segments can be mapped.
pub const LOG_HEADER_BYTES: u64 = 4096;

const _: () = assert!(PREFIX_BYTES == 2 * size_of::<u32>() + 2 * size_of::<u64>());

/// Bytes of a record whose value has `value_bytes`.
pub const fn record_bytes(value_bytes: usize) -> usize {
    PREFIX_BYTES + value_bytes.next_multiple_of(8)
}

/// Writes a record without its checksum.
#[inline(always)]
pub fn put(record: &mut [u8], key: u64, stamp: u64, value: &[u8]) {
    record[4..8].fill(0);
    record[8..16].copy_from_slice(&stamp.to_le_bytes());
    record[16..24].copy_from_slice(&key.to_le_bytes());
    record[PREFIX_BYTES..PREFIX_BYTES + value.len()].copy_from_slice(value);
}

/// The key of a record.
#[inline(always)]
pub fn key(record: &[u8]) -> u64 {
    u64::from_le_bytes(field(record, 16))
}

/// The stamp of a record.
#[inline(always)]
pub fn stamp(record: &[u8]) -> u64 {
    u64::from_le_bytes(field(record, 8))
}

/// Gives a record its checksum.
#[inline(always)]
pub fn seal(record: &mut [u8], location: u32, turn: u32) {
    let sum = checksum(record, location, turn);
    record[..4].copy_from_slice(&sum.to_le_bytes());
}

/// The checksum that a record has and the one it should have.
#[inline(always)]
pub fn checksums(record: &[u8], location: u32, turn: u32) -> (u32, u32) {
    let found = u32::from_le_bytes(field(record, 0));
    (found, checksum(record, location, turn))
}

#[inline(always)]
fn checksum(record: &[u8], location: u32, turn: u32) -> u32 {
    let place = u64::from(turn) << 32 | u64::from(location);
    crc32c::crc32c_append(crc32c::crc32c(&place.to_le_bytes()), &record[4..])
}

#[inline(always)]
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}
