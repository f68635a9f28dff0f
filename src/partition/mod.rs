//! Who owns a key: the stable hash, the partitioners, and how evenly they spread a stream.
mod hash;
mod partitioner;
mod partitioning;
mod skew;
pub use hash::{mum64, partition_of};
pub use partitioner::{Content, NoContent, OwnerOfKeys, Partitioner};
pub use partitioning::{PARTITIONS_MAX, PartitionError, Partitioning, Partitions, Scheme};
pub use skew::Skew;
