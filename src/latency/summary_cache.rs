//! What the caches of a stage or of a partition did, as `summary.json` tells it.
//!
//! The same fields for one partition and for a stage: counts, entries and bytes add up over partitions,
//! percentiles are of all reads together, `waiting_max` is that of the partition where it was largest.

use super::summary::Percentiles;
use serde::{Deserialize, Serialize};

/// One cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheSummary {
    /// What is cached: "state", or as the operator calls it.
    pub name: String,
    /// The replacement policy.
    pub policy: String,
    /// References that found what they wanted.
    pub hits: u64,
    /// References that did not.
    pub misses: u64,
    /// `hits / (hits + misses)`; `None` where nothing was asked for.
    pub hit_ratio: Option<f64>,
    /// Of the misses, those for a key that had never been seen, or was forgotten: no cache of any size
    /// answers them.
    pub misses_new: u64,
    /// Entries that made room for others.
    pub evictions: u64,
    /// Entries dropped because what they held was no longer true.
    pub invalidations: u64,
    /// Entries whose time to live had passed.
    pub expirations: u64,
    /// Entries there is room for.
    pub capacity_slots: u64,
    /// Entries held at the end.
    pub entries: u64,
    /// What lies behind it; `None` where nothing does.
    pub cold: Option<ColdSummary>,
}

/// The cold tier behind a cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColdSummary {
    /// Records asked for because they were not in memory.
    pub reads: u64,
    /// From asking for a record to having it.
    pub read_ns: Percentiles,
    /// Records written, those moved by compaction among them.
    pub writes: u64,
    /// Records that compaction moved.
    pub moved: u64,
    /// `writes / (writes - moved)`: records written for each that was evicted; `None` where none was.
    pub write_amplification: Option<f64>,
    /// Bytes of the files.
    pub file_bytes: u64,
    /// Bytes of the records in them that are the latest of their key.
    pub live_bytes: u64,
    /// Bytes of memory that say where a key's record is.
    pub index_bytes: u64,
    /// Events that waited for a record, most at a time in one partition.
    pub waiting_max: u64,
}
