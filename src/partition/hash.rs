//! `mum64`, the hash of keys. Its name is written into formats, so its values never change.
//!
//! ```text
//!   key ─ xor SALT ─► × FIRST ─► 128-bit product ─ high xor low ─► × SECOND ─► high xor low ─► hash
//!
//!   hash   63 ─────────────────── 32 31 ─────────────────── 0
//!          │ slot of a table: >> shift │ partition: × P >> 32 │   two independent parts, so the keys of
//!                                                                 one partition still fill all its slots
//! ```
//!
//! Source: the multiply-and-fold ("mum") of V. Makarov's mum-hash (2016) and Wang Yi's wyhash (2019,
//! public domain), whose published constants these are.
//!
//! Why two folds: one fold is 1.4 ns shorter in latency and spreads consecutive keys even better than
//! chance, but keys in strides of 16, 4,096 or 2^40, addresses and floats then fill slots up to 300
//! standard deviations less evenly than chance, and many output bits hardly feel many input bits. With
//! two, no pattern of keys in the tests is told from chance, nor is any of the 4,096 pairs of bits.
//! A fold can map two keys to one hash, about as often as chance would: a table compares keys.

const SALT: u64 = 0x9E37_79B9_7F4A_7C15;
const FIRST: u64 = 0xA076_1D64_78BD_642F;
const SECOND: u64 = 0xE703_7ED1_A0B4_28DB;
const _: () = assert!(
    FIRST % 2 == 1 && SECOND % 2 == 1,
    "an even factor loses the key's top bit"
);

/// The hash of a key.
#[inline(always)]
pub const fn mum64(key: u64) -> u64 {
    fold(fold(key ^ SALT, FIRST), SECOND)
}

/// The partition among `partitions` of a key with this hash: the low 32 bits, scaled.
#[inline(always)]
pub const fn partition_of(hash: u64, partitions: u32) -> u32 {
    ((hash as u32 as u64 * partitions as u64) >> 32) as u32
}

#[inline(always)]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
