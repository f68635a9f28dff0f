//! Cache policies: which of the objects held makes room for a new one.
//!
//! A policy works on *nodes*, small numbers that stand for objects, and on nothing else: no keys, no
//! values, no hash table. So one file a policy serves the laboratory, which numbers the objects of a trace
//! once and for all, and [`Cache`], which gives a node to each key it holds or remembers.
//!
//! ```text
//!   laboratory:  trace ─► key ─► node (dense, never reused) ─► Policy::request ─► hit?
//!   Cache:       key ─► index ─► node (from a free list)    ─► Policy::request ─► hit? values[node]
//!                                   ▲                             │ evicted(node): its value goes
//!                                   └──── forgotten(node): free ◄─┘
//! ```
//!
//! Owned by whoever asks; single-threaded; everything is allocated in `new`.
mod arc;
mod clock;
mod fifo;
mod index;
mod lfu;
mod lists;
mod lru;
mod opt;
mod results;
mod s3fifo;
mod sieve;
mod sketch;
mod wtinylfu;

pub use arc::Arc;
pub use clock::Clock;
pub use fifo::Fifo;
pub use lfu::Lfu;
pub use lru::Lru;
pub use opt::{NEVER, next_uses, opt_misses};
pub use results::{Cache, CacheCounts};
pub use s3fifo::S3Fifo;
pub use sieve::Sieve;
pub use wtinylfu::WTinyLfu;

/// Sizes of objects. A policy of [`Units`] compiles to one that knows of no sizes.
pub trait Sizes {
    /// Size of the object `node`, at least 1; the same as long as it is held or remembered.
    fn size(&self, node: u32) -> u64;
}

/// Every object counts one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Units;

impl Sizes for Units {
    #[inline(always)]
    fn size(&self, _: u32) -> u64 {
        1
    }
}

/// Hears of objects that leave.
pub trait Departures {
    /// `node` is no longer held. It may still be remembered.
    fn evicted(&mut self, node: u32);
    /// Nothing is known of `node` any more: the number may be given to another object. Follows `evicted`,
    /// at once or later. Not called in place of a later `evicted`, and never for one that is held.
    fn forgotten(&mut self, node: u32);
}

/// Nobody listens: the laboratory, which only counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unheard;

impl Departures for Unheard {
    #[inline(always)]
    fn evicted(&mut self, _: u32) {}
    #[inline(always)]
    fn forgotten(&mut self, _: u32) {}
}

/// How large a cache is, and what it may be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Sizes of all objects held add up to this at the most; at least 1.
    pub capacity: u64,
    /// Nodes are below this.
    pub nodes: u32,
}

/// A replacement policy. Starts empty.
pub trait Policy: Sized {
    /// As the command line and the reports call it.
    const NAME: &'static str;

    /// An empty cache within `bounds`.
    fn new(bounds: Bounds) -> Self;

    /// Objects beyond the capacity that it remembers without holding them, at the most: what [`Cache`]
    /// needs nodes for.
    fn ghosts(bounds: Bounds) -> u64;

    /// One request for `node`; whether it was held, and then it still is. After a miss it is held, unless it
    /// is larger than the cache or the policy does not admit it (then it has been `evicted`, and maybe
    /// `forgotten`, at once). `hash` spreads the object's identity over 64 bits, for policies that count in
    /// a sketch.
    fn request(
        &mut self,
        node: u32,
        hash: u64,
        sizes: &impl Sizes,
        departures: &mut impl Departures,
    ) -> bool;

    /// Drops `node`, whatever is known of it; whether it was held. As if it had never been requested: it is
    /// neither `evicted` nor `forgotten` (the caller knows), the order of the others stays, and the room it
    /// leaves is filled before anything else has to go.
    fn remove(&mut self, node: u32, sizes: &impl Sizes) -> bool;

    /// Bytes this value keeps, all arrays counted.
    fn metadata_bytes(&self) -> u64;
}
