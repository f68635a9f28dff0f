//! One point of a curve: everything that is set for its run. `0` leaves a number to the engine.

use millstream::source::load::ParseError;
use millstream_tools::question::Question;
use serde::{Deserialize, Serialize};

/// State a key at the worst moment of growth, bytes (ARCHITECTURE.md, "What is in memory"), rounded up.
const STATE_BYTES_A_KEY: u64 = 192;
/// Six histograms of a partition, bytes.
const HISTOGRAM_BYTES_A_PARTITION: u64 = 6 * (270 << 10);
/// What the process and the system want besides, bytes.
const SPARE_BYTES: u64 = 512 << 20;
/// Slots of a ring, if the engine chooses: the larger of its choices.
const RING_SLOTS_MOST: u64 = 4096;

/// A point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Keys, events and their size.
    pub question: Question,
    /// Cores.
    pub cores: usize,
    /// Partitions; 0: the engine's choice.
    pub partitions: usize,
    /// Slots of a ring; 0: the engine's choice.
    pub ring_slots: usize,
    /// Messages a task takes from one ring in one step; 0: the engine's choice.
    pub budget: usize,
    /// Whether there is room for all keys from the start.
    pub presized: bool,
}

impl Point {
    /// Memory for its state, bytes, at most.
    ///
    /// # Errors
    /// As [`Question::distribution`].
    pub fn state_bytes(&self) -> Result<u64, ParseError> {
        Ok(self.question.distribution()?.keys() * STATE_BYTES_A_KEY)
    }

    /// Memory for all of its run, bytes, at most.
    ///
    /// # Errors
    /// As [`Question::distribution`].
    pub fn memory_bytes(&self) -> Result<u64, ParseError> {
        let Question {
            events,
            event_bytes,
            ..
        } = &self.question;
        let slots = match self.ring_slots {
            0 => RING_SLOTS_MOST,
            slots => slots as u64,
        };
        let ring_bytes = slots * (*event_bytes as u64 + 8);
        let partitions = self.partitions.max(4 * self.cores) as u64;
        Ok(self.state_bytes()?
            + (events * event_bytes) as u64
            + partitions * (ring_bytes + HISTOGRAM_BYTES_A_PARTITION)
            + SPARE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(keys: &str, events: usize) -> Point {
        Point {
            question: Question {
                keys: keys.into(),
                events,
                event_bytes: 24,
            },
            cores: 1,
            partitions: 0,
            ring_slots: 0,
            budget: 0,
            presized: false,
        }
    }

    #[test]
    fn a_point_wants_memory_for_its_events_and_its_keys() {
        let small = point("uniform(1k)", 1_000).memory_bytes().expect("keys");
        let large = point("uniform(64M)", 128_000_000);
        let large = large.memory_bytes().expect("keys");
        assert!(small < 1 << 30, "{small}");
        assert!((14 << 30..16 << 30).contains(&large), "{large}");
    }
}
