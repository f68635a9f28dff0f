//! Chooses the partition of each event.
//!
//! Owned by the producing task of an exchange. The scheme is an enum that never changes during a run,
//! so that an event costs one foreseen branch and, for `hash`, a multiplication and a shift; the
//! function of `content` is a type parameter and inlines. Nothing is allocated once it is built.

use super::hash::{mum64, partition_of};
use super::partitioning::{PartitionError, Partitions, Scheme};
use crate::sys::random::Random;

/// A number that an event's content says it belongs to; implemented by every `Fn(&T) -> u64`.
pub trait Content<T> {
    /// The number; events with the same number share a partition.
    fn number(&self, event: &T) -> u64;
}

impl<T, F: Fn(&T) -> u64> Content<T> for F {
    #[inline(always)]
    fn number(&self, event: &T) -> u64 {
        self(event)
    }
}

/// Tells which partition a key belongs to.
pub type OwnerOfKeys = Box<dyn Fn(u64) -> usize + Send + Sync>;

/// Where no scheme asks for the content.
#[derive(Clone, Copy, Debug)]
pub struct NoContent;

impl<T> Content<T> for NoContent {
    #[inline(always)]
    fn number(&self, _: &T) -> u64 {
        0
    }
}

/// Chooses the partition of each event.
#[derive(Clone, Debug)]
pub struct Partitioner<F = NoContent> {
    partitions: Partitions,
    way: Way<F>,
}

#[derive(Clone, Debug)]
enum Way<F> {
    Hash,
    Random(Random),
    /// The first key of each partition but the first.
    Boundaries(Box<[u64]>),
    /// `0..=max_key` in equal parts.
    Even {
        max_key: u64,
    },
    Time {
        slice_ns: u64,
    },
    Content(F),
}

impl<F> Partitioner<F> {
    /// By the hash of the key.
    pub fn hash(partitions: Partitions) -> Self {
        Partitioner {
            partitions,
            way: Way::Hash,
        }
    }

    /// By a random number from the stream "partitions" of `seed`.
    pub fn random(partitions: Partitions, seed: u64) -> Self {
        Partitioner {
            partitions,
            way: Way::Random(Random::stream(seed, "partitions")),
        }
    }

    /// By `boundaries`: partition 0 owns the keys below the first, partition i those from boundary
    /// i (counted from 1) up to the next.
    ///
    /// # Errors
    /// Not one boundary less than partitions, or not rising.
    pub fn range(partitions: Partitions, boundaries: Vec<u64>) -> Result<Self, PartitionError> {
        if boundaries.len() + 1 != partitions.get() as usize {
            return Err(PartitionError::Boundaries {
                boundaries: boundaries.len(),
                partitions: partitions.get(),
            });
        }
        if let Some(i) = boundaries.windows(2).position(|w| w[0] >= w[1]) {
            return Err(PartitionError::Order {
                number: i + 2,
                value: boundaries[i + 1],
                before: boundaries[i],
            });
        }
        Ok(Partitioner {
            partitions,
            way: Way::Boundaries(boundaries.into()),
        })
    }

    /// By an even split of `0..=max_key`; a key above it goes to the last partition.
    ///
    /// # Errors
    /// Fewer keys than partitions.
    pub fn range_even(partitions: Partitions, max_key: u64) -> Result<Self, PartitionError> {
        if max_key < u64::from(partitions.get()) - 1 {
            return Err(PartitionError::MaxKey {
                max_key,
                partitions: partitions.get(),
            });
        }
        Ok(Partitioner {
            partitions,
            way: Way::Even { max_key },
        })
    }

    /// By event time: slices of `slice_ns` go to the partitions in turn.
    ///
    /// # Errors
    /// A slice of 0 ns.
    pub fn time(partitions: Partitions, slice_ns: u64) -> Result<Self, PartitionError> {
        if slice_ns == 0 {
            return Err(PartitionError::Slice);
        }
        Ok(Partitioner {
            partitions,
            way: Way::Time { slice_ns },
        })
    }

    /// By the remainder of the number that `content` gives for the event.
    pub fn content(partitions: Partitions, content: F) -> Self {
        Partitioner {
            partitions,
            way: Way::Content(content),
        }
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> u32 {
        self.partitions.get()
    }

    /// What decides.
    pub fn scheme(&self) -> Scheme {
        match self.way {
            Way::Hash => Scheme::Hash,
            Way::Random(_) => Scheme::Random,
            Way::Boundaries(_) | Way::Even { .. } => Scheme::Range,
            Way::Time { .. } => Scheme::Time,
            Way::Content(_) => Scheme::Content,
        }
    }

    /// Whether a key always goes to the same partition, as state kept by key needs it.
    pub fn keeps_keys(&self) -> bool {
        matches!(self.scheme(), Scheme::Hash | Scheme::Range)
    }

    /// Where the key alone decides: the partition of a key.
    pub fn owner_of_keys(&self) -> Option<OwnerOfKeys> {
        let partitions = self.partitions.get();
        match &self.way {
            Way::Hash => Some(Box::new(move |key| {
                partition_of(mum64(key), partitions) as usize
            })),
            Way::Boundaries(boundaries) => {
                let boundaries = boundaries.clone();
                Some(Box::new(move |key| {
                    boundaries.partition_point(|b| *b <= key)
                }))
            }
            Way::Even { max_key } => {
                let max_key = *max_key;
                Some(Box::new(move |key| even(key, max_key, partitions) as usize))
            }
            Way::Random(_) | Way::Time { .. } | Way::Content(_) => None,
        }
    }

    /// The partition of `event`, less than [`Partitioner::partitions`]. `hash` is
    /// [`mum64`](super::mum64) of `key`, handed in because the state table needs it too; `ts_ns` is
    /// the event time.
    #[inline(always)]
    pub fn of<T>(&mut self, key: u64, hash: u64, event: &T, ts_ns: u64) -> u32
    where
        F: Content<T>,
    {
        let partitions = self.partitions.get();
        match &mut self.way {
            Way::Hash => partition_of(hash, partitions),
            Way::Random(random) => random.below(partitions.into()) as u32,
            Way::Boundaries(boundaries) => boundaries.partition_point(|b| *b <= key) as u32,
            Way::Even { max_key } => even(key, *max_key, partitions),
            Way::Time { slice_ns } => (ts_ns / *slice_ns % u64::from(partitions)) as u32,
            Way::Content(content) => (content.number(event) % u64::from(partitions)) as u32,
        }
    }
}

/// ⌊key × P / (max_key + 1)⌋, which is below P as `key` is cut to `max_key`.
#[inline]
fn even(key: u64, max_key: u64, partitions: u32) -> u32 {
    let scaled = u128::from(key.min(max_key)) * u128::from(partitions);
    (scaled / (u128::from(max_key) + 1)) as u32
}

#[cfg(test)]
#[path = "partitioner_tests.rs"]
mod tests;
