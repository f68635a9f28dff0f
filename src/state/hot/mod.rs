//! The hot table of bounded state: what of the state is in memory.
//!
//! ```text
//!   table.rs      sets of 16 entries, each under one line of metadata; look-up, insertion, eviction
//!   policy.rs     SetPolicy: the metadata line that knows who leaves      counters.rs, lanes.rs: its tools
//!   capture.rs    what a checkpoint takes of it
//!   s3_fifo.rs    the default            clock.rs    faster, misses more
//! ```
//!
//! Owned by one task. Invariant: a bounded table; every access costs one line of metadata and (unless a
//! tag lies, 6 % of look-ups) one entry; nothing is allocated or moved after `new`.
//!
//! Why sets: a list or an index over the whole table costs 8–20 bytes and one to three further cache misses
//! an access. Within 16 ways the policy is arithmetic on one line that the look-up needs anyway: 4 bytes an
//! entry, look-up included, and no sweep longer than three times 16 bits.
//!
//! Why [`S3Fifo`] is the default: on zipf(0.99) and five real traces at four sizes it misses +1.0 % against
//! S3-FIFO over the whole cache (worst +4.1 %), [`Clock`] +7.5 % (worst +22 %). CLOCK answers a
//! request in 15.0 ns, S3-FIFO in 16.7 ns (1M entries); but a miss is a read and a write of the cold tier, a
//! microsecond at the very best, and there are 0.9 points fewer of them: 9 ns a request saved for 1.7 paid.
//! CLOCK remains for what costs less than that to miss. Figures: `docs/caches_measured.md`.
mod capture;
mod clock;
mod counters;
mod lanes;
mod policy;
mod s3_fifo;
mod table;

pub use clock::Clock;
pub use policy::{SetPolicy, WAYS};
pub use s3_fifo::S3Fifo;
pub use table::{Entry, Hot, HotError, Spot};

/// The policy of the state unless the user chooses another.
pub type DefaultPolicy = S3Fifo;

#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod table_tests;
