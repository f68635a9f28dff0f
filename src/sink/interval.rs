//! The latencies of one epoch, handed from a sink to whoever reports, and the empty buckets handed back.
//!
//! ```text
//!   sink (on a core)   ── EpochPart{epoch, buckets} ────►  collector (off the cores)
//!                      ◄── the same box, cleared ─────────
//! ```
//!
//! A sink owns the buckets it records into; on a barrier it swaps them for empty ones: two pointer moves,
//! no allocation, no lock. If no empty ones have come back it records on, and the two epochs become one.

use crate::latency::Buckets;
use rtrb::{Consumer, Producer, RingBuffer};

/// Parts that travel between one sink and the collector.
const PARTS: usize = 3;

/// What one sink recorded between two barriers.
#[derive(Debug)]
pub struct EpochPart {
    /// The epoch that ended.
    pub epoch: u64,
    /// When it began at this sink, ns of the run's clock.
    pub start_ns: u64,
    /// When it ended at this sink, ns of the run's clock.
    pub end_ns: u64,
    /// Latencies recorded, ns.
    pub latency: Buckets,
}

/// The sink's end.
#[derive(Debug)]
pub struct IntervalPort {
    full: Producer<Box<EpochPart>>,
    empty: Consumer<Box<EpochPart>>,
}

/// The reporter's end, of one sink.
#[derive(Debug)]
pub struct IntervalCollector {
    full: Consumer<Box<EpochPart>>,
    empty: Producer<Box<EpochPart>>,
}

/// Both ends, with the empty buckets already waiting at the sink's.
pub fn interval_port() -> (IntervalPort, IntervalCollector) {
    let (full_in, full_out) = RingBuffer::new(PARTS);
    let (mut empty_in, empty_out) = RingBuffer::new(PARTS);
    while empty_in.push(new_part()).is_ok() {}
    (
        IntervalPort {
            full: full_in,
            empty: empty_out,
        },
        IntervalCollector {
            full: full_out,
            empty: empty_in,
        },
    )
}

/// An empty part.
pub(super) fn new_part() -> Box<EpochPart> {
    Box::new(EpochPart {
        epoch: 0,
        start_ns: 0,
        end_ns: 0,
        latency: Buckets::default(),
    })
}

impl IntervalPort {
    /// Hands over `part` and puts an empty one in its place; leaves it as it is if there is none.
    pub(super) fn rotate(&mut self, part: &mut Box<EpochPart>) {
        if self.full.is_full() {
            return;
        }
        if let Ok(empty) = self.empty.pop() {
            let start_ns = part.end_ns;
            let _ = self.full.push(std::mem::replace(part, empty));
            part.start_ns = start_ns;
        }
    }
}

impl IntervalCollector {
    /// Takes what has come, one part after the other.
    pub fn collect(&mut self, mut take: impl FnMut(&EpochPart)) {
        while let Ok(mut part) = self.full.pop() {
            take(&part);
            part.latency.reset();
            let _ = self.empty.push(part);
        }
    }
}
