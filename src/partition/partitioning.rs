//! How a stage is partitioned, as configured: the scheme, how many partitions, and their limits.

use super::partitioner::{Content, NoContent, Partitioner};
use crate::sys::nearest::nearest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use thiserror::Error;

/// The most partitions a stage can have: each has rings and a state table, and a thousand a core
/// already cost more in polling than they can bring in balance.
pub const PARTITIONS_MAX: u32 = 65_536;

/// Why a stage cannot be partitioned so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PartitionError {
    /// No partitions, or too many.
    #[error("{value} partitions: expected 1 to {PARTITIONS_MAX}; about four a core is usual")]
    Count {
        /// The number asked for.
        value: u64,
    },
    /// Not as many boundaries as there are borders between partitions.
    #[error(
        "{boundaries} boundaries for {partitions} partitions: expected {}, the first key of each \
         partition but the first", partitions - 1
    )]
    Boundaries {
        /// Boundaries given.
        boundaries: usize,
        /// Partitions.
        partitions: u32,
    },
    /// A boundary that is not above the one before it.
    #[error("boundary {value} (number {number}) follows {before}: expected rising boundaries")]
    Order {
        /// Which one, from 1.
        number: usize,
        /// The boundary.
        value: u64,
        /// The one before it.
        before: u64,
    },
    /// Fewer keys than partitions.
    #[error(
        "max_key {max_key} for {partitions} partitions: expected at least {}, or some would own no \
         key", partitions - 1
    )]
    MaxKey {
        /// The largest key expected.
        max_key: u64,
        /// Partitions.
        partitions: u32,
    },
    /// A time slice of no length.
    #[error("slice 0ns for partitions by time: expected a duration such as 1s or 500ms")]
    Slice,
    /// `content` where there is no function.
    #[error(
        "partitioner `content` needs a function of the event, which only code can give \
         (`Partitioning::build_with`); expected hash, random, range or time here"
    )]
    NoContent,
    /// Not a scheme.
    #[error(
        "partitioner `{value}`: expected hash, random, range, time or content{}",
        hint(value)
    )]
    Scheme {
        /// The name given.
        value: String,
    },
}

fn hint(value: &str) -> String {
    nearest(value, &Scheme::NAMES).map_or(String::new(), |n| format!("; did you mean `{n}`?"))
}

/// How many partitions: 1 to [`PARTITIONS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partitions(NonZeroU32);

impl Partitions {
    /// `value` partitions.
    ///
    /// # Errors
    /// 0, or more than [`PARTITIONS_MAX`].
    pub fn new(value: u64) -> Result<Self, PartitionError> {
        u32::try_from(value)
            .ok()
            .filter(|n| *n <= PARTITIONS_MAX)
            .and_then(NonZeroU32::new)
            .map(Partitions)
            .ok_or(PartitionError::Count { value })
    }

    /// The number.
    #[inline(always)]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// What decides the partition of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// The hash of its key; a key stays in one partition.
    #[default]
    Hash,
    /// A seeded random number; for stages without state.
    Random,
    /// Where its key lies between boundaries; a key stays in one partition.
    Range,
    /// The slice of time its event time falls into.
    Time,
    /// A function of the event.
    Content,
}

impl Scheme {
    /// The names, as in configuration.
    pub const NAMES: [&str; 5] = ["hash", "random", "range", "time", "content"];
}

impl FromStr for Scheme {
    type Err = PartitionError;

    fn from_str(text: &str) -> Result<Self, PartitionError> {
        Ok(match text.trim() {
            "hash" => Scheme::Hash,
            "random" => Scheme::Random,
            "range" => Scheme::Range,
            "time" => Scheme::Time,
            "content" => Scheme::Content,
            other => {
                let value = other.to_string();
                return Err(PartitionError::Scheme { value });
            }
        })
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Scheme::NAMES[*self as usize])
    }
}

/// The configuration of a stage's partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Partitioning {
    /// What decides.
    pub scheme: Scheme,
    /// How many; 1 to [`PARTITIONS_MAX`].
    pub partitions: u32,
    /// For `range`: the first key of each partition but the first, rising. Empty: an even split of
    /// `0..=max_key`.
    pub boundaries: Vec<u64>,
    /// For `range` without boundaries: the largest key expected; larger ones go to the last partition.
    pub max_key: u64,
    /// For `time`: the length of a slice, ns.
    pub slice_ns: u64,
}

impl Default for Partitioning {
    fn default() -> Self {
        Partitioning {
            scheme: Scheme::Hash,
            partitions: 4,
            boundaries: Vec::new(),
            max_key: u64::MAX,
            slice_ns: 1_000_000_000,
        }
    }
}

impl Partitioning {
    /// The partitioner; `seed` feeds `random`.
    ///
    /// # Errors
    /// A value out of its range, or [`Scheme::Content`], which needs [`Partitioning::build_with`].
    pub fn build(&self, seed: u64) -> Result<Partitioner, PartitionError> {
        if self.scheme == Scheme::Content {
            return Err(PartitionError::NoContent);
        }
        self.build_with::<(), NoContent>(seed, NoContent)
    }

    /// The partitioner, with the function that `content` asks for its number.
    ///
    /// # Errors
    /// A value out of its range.
    pub fn build_with<T, F: Content<T>>(
        &self,
        seed: u64,
        content: F,
    ) -> Result<Partitioner<F>, PartitionError> {
        let partitions = Partitions::new(self.partitions.into())?;
        match self.scheme {
            Scheme::Hash => Ok(Partitioner::hash(partitions)),
            Scheme::Random => Ok(Partitioner::random(partitions, seed)),
            Scheme::Range if self.boundaries.is_empty() => {
                Partitioner::range_even(partitions, self.max_key)
            }
            Scheme::Range => Partitioner::range(partitions, self.boundaries.clone()),
            Scheme::Time => Partitioner::time(partitions, self.slice_ns),
            Scheme::Content => Ok(Partitioner::content(partitions, content)),
        }
    }
}
