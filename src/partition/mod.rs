//! Partitions.
pub mod hash;
