//! What parts the state of a flow has. Fixed for a run; written into every manifest.

use serde::{Deserialize, Serialize};

/// What a part belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A source: its position.
    Source,
    /// One partition of a stage: its entries, if it is keyed, and what its operator and sink remember.
    Stage,
    /// A file of results: how far it reached.
    Results,
    /// An array that the operator of one partition keeps beside the states of its keys. Its blocks hold items of
    /// `value_bytes` and no entries; it has no extras.
    Array,
    /// The dead letters of events: how many there were.
    Letters,
    /// The log of one partition of a stage with bounded state: its entries that are not in memory. Its blocks are
    /// maps of the log's segments; `entry_bytes` is that of a record.
    Log,
}

/// One part: what one task, one file of results, or the dead letters adds to a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartShape {
    /// What it belongs to.
    pub kind: Kind,
    /// The stage, source or file, as the user named it.
    pub name: String,
    /// Position of the stage in the flow; 0 is the source.
    pub stage_index: u32,
    /// Partition of the stage.
    pub partition: u32,
    /// How many it has.
    pub partitions: u32,
    /// How keys find their partition, with all that decides it ("hash", "range 0..1000", ...).
    pub scheme: String,
    /// Bytes of an entry: key (8), stamp (8, 0 in an empty place), value, padding. 0 without entries.
    pub entry_bytes: u32,
    /// Bytes of the value in it; of an array, of an item.
    pub value_bytes: u32,
    /// Bytes of a block: whole entries, or one map; at most 64 KiB. Extras travel in blocks of this size as well.
    pub block_bytes: u32,
}

/// The parts of a flow, in the order in which they are numbered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Name of the flow.
    pub flow: String,
    /// Seed of the run: it decides where keys go.
    pub seed: u64,
    /// The parts.
    pub parts: Vec<PartShape>,
}
