//! Who owns a key: the stable hash, the partitioners, and how evenly they spread a stream.
mod hash;
mod heat;
mod heavy;
mod partitioner;
mod partitioning;
mod side_lane;
mod skew;
mod space_saving;
mod split;
pub use hash::{mum64, partition_of};
pub use heat::{Heat, Warm};
pub use heavy::{HeavyHitters, Hitter};
pub use partitioner::{Content, NoContent, OwnerOfKeys, Partitioner};
pub use partitioning::{PARTITIONS_MAX, PartitionError, Partitioning, Partitions, Scheme};
pub use side_lane::{KeyState, SideInlet, SideOutlet, side_lane};
pub use skew::Skew;
pub use space_saving::SpaceSaving;
pub use split::{Fold, SplitKey, Splitter, Ways};
