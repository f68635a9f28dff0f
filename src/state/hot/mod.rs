//! The hot table of bounded state: what of the state is in memory.
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

#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod table_tests;
