//! What a replacement policy is to a set: the 64 bytes of metadata themselves.
//!
//! ```text
//!   hash   63 ──────────────── 32 31 ────── 16 15 ───── 8 7 ─── 0
//!          │ set: × sets >> 32   │            │          │  tag  │
//!                                             │ fingerprint      │
//! ```
//!
//! The low bits of the hash choose the partition too, but by multiplication (`partition_of`): within one
//! of P partitions the bits below `2^32 / P` are as good as random, which leaves 16 for 65,536 partitions.
//! Tags tell residents apart, fingerprints ghosts: that they share bits does no harm.

use bytemuck::Pod;

/// Entries of a set.
pub const WAYS: u32 = 16;

/// All ways of a set, one bit each.
pub(super) const ALL: u16 = u16::MAX;

/// A tag that no entry has: the way is empty.
pub(super) const EMPTY: u8 = 0;

/// The eight bits by which a set tells its entries apart; never [`EMPTY`].
#[inline(always)]
pub(super) fn tag_of(hash: u64) -> u8 {
    (hash as u8).max(1)
}

/// The sixteen bits by which a set remembers an entry that has left; never 0.
#[inline(always)]
pub(super) fn fingerprint_of(hash: u64) -> u16 {
    (hash as u16).max(1)
}

/// A replacement policy within one set. The value is the set's metadata line, tags included.
///
/// Ways are below [`WAYS`]. The table keeps the tags (0: empty way) and calls `replace` on full sets only,
/// `fill` on others; the policy keeps the rest.
pub trait SetPolicy: Pod + Send {
    /// As the command line and the reports call it.
    const NAME: &'static str;

    /// The metadata of a set without entries.
    fn empty() -> Self;

    /// The tags, way 0 first.
    fn tags(&self) -> &[u8; WAYS as usize];

    /// The same, to change.
    fn tags_mut(&mut self) -> &mut [u8; WAYS as usize];

    /// The entry in `way` was asked for.
    fn hit(&mut self, way: u32);

    /// A new entry with this hash comes into one of the `free` ways, at least one; returns which.
    fn fill(&mut self, hash: u64, free: u16) -> u32;

    /// A new entry with this hash comes into a full set; returns the way of the entry that leaves for it.
    /// `hash_of` tells the hash of the entry in a way.
    fn replace(&mut self, hash: u64, hash_of: impl Fn(u32) -> u64) -> u32;

    /// Which way `replace` would return now.
    fn victim(&self, hash: u64) -> u32;

    /// The entry in `way` was removed.
    fn remove(&mut self, way: u32);
}
