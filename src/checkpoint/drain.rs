//! The drain: takes what the parts hand over and gives it to the writer, off the cores.
//!
//! ```text
//!   each lane in turn: up to TURN pieces ─► writer.take
//!   all parts through: writer.settle ─► region.settle: the engine may make the next epoch
//!   nothing to do: engine finished or gone? end : sleep
//! ```
//!
//! Runs on a thread of the engine, or in a process of its own; either way it is the only one that touches
//! the files. When the engine is gone, what is complete is still made durable.

use super::piece::{Piece, Settled};
use super::port::Inflow;
use super::region::Region;
use super::writer::Writer;
use crate::sys::disk::Disk;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pieces taken from one lane before the next has its turn.
const TURN: u64 = 256;
/// How long it sleeps while an epoch is under way, and while none is.
const SLEEP_UNDER_WAY: Duration = Duration::from_micros(200);
const SLEEP_IDLE: Duration = Duration::from_millis(2);

/// How long a part that has not ended its epoch is waited for after the tasks have ended.
const LATE_PART: Duration = Duration::from_secs(30);

/// The writer and its end of every lane.
pub struct Drain<D: Disk> {
    region: Arc<Region>,
    inflows: Vec<Inflow>,
    writer: Writer<D>,
    under_way: bool,
}

impl<D: Disk> Drain<D> {
    /// Feeds `writer` from `region`.
    pub fn new(region: Arc<Region>, writer: Writer<D>) -> Self {
        let lanes = 0..region.lanes();
        Drain {
            inflows: lanes
                .map(|part| Inflow::new(region.clone(), part))
                .collect(),
            region,
            writer,
            under_way: false,
        }
    }

    /// Takes what there is, a turn a lane; whether anything moved, and an epoch if one was settled.
    pub fn step(&mut self) -> (bool, Option<Settled>) {
        let mut taken = 0;
        for (part, inflow) in self.inflows.iter_mut().enumerate() {
            taken += inflow.take(TURN, |piece| {
                self.under_way |= matches!(piece, Piece::Begin { .. });
                self.writer.take(part, piece);
            });
        }
        let settled = self.under_way.then(|| self.writer.settle()).flatten();
        if let Some(settled) = &settled {
            let (Settled::Durable { epoch, .. } | Settled::Aborted { epoch, .. }) = settled;
            self.under_way = false;
            self.region.settle(*epoch, self.writer.files());
        }
        (taken > 0 || settled.is_some(), settled)
    }

    /// Whether what has not been sent will not come.
    pub fn is_abandoned(&self) -> bool {
        self.region.is_abandoned()
    }

    /// Tells the engine that nobody settles its epochs any more.
    pub fn leave(&self) {
        self.region.writer_gone();
    }

    /// Whether an epoch was begun and not settled.
    pub fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Goes on until the engine has finished, or is `gone`; `tell` hears of every epoch.
    pub fn run(mut self, mut tell: impl FnMut(&Settled), gone: impl Fn() -> bool) {
        let (mut last_look, mut finished) = (false, None);
        loop {
            let (moved, settled) = self.step();
            if let Some(settled) = &settled {
                tell(settled);
            }
            if moved {
                continue;
            }
            if last_look {
                break;
            }
            // What was sent before the engine finished is seen in the look after. A file of results may end the
            // last epoch later than the tasks; it is waited for as long as its engine lives.
            if self.region.is_finished() {
                finished.get_or_insert_with(Instant::now);
            }
            let complete = |since: Instant| !self.under_way || since.elapsed() >= LATE_PART;
            last_look = gone() || self.region.is_abandoned() || finished.is_some_and(complete);
            if !last_look {
                std::thread::sleep(if self.under_way {
                    SLEEP_UNDER_WAY
                } else {
                    SLEEP_IDLE
                });
            }
        }
        self.region.writer_gone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Kind, PartShape, Port, Shape, Slot, run_name};
    use crate::sys::simulated_disk::SimulatedDisk;
    use std::path::Path;

    /// Two parts, of which the first has begun and ended epoch 1 and the second has only begun it.
    fn half_an_epoch() -> (Arc<Region>, Drain<SimulatedDisk>, Vec<Port>) {
        let part = |partition| PartShape {
            kind: Kind::Stage,
            name: "stage".into(),
            stage_index: 1,
            partition,
            partitions: 2,
            scheme: "hash".into(),
            entry_bytes: 0,
            value_bytes: 0,
            block_bytes: 4096,
        };
        let shape = Shape {
            flow: "flow".into(),
            seed: 1,
            parts: vec![part(0), part(1)],
        };
        let region = Region::new(&[4096, 4096], 0).expect("memory");
        let slot = Slot::default();
        slot.set(region.clone()).expect("empty");
        let mut ports: Vec<Port> = (0..2).map(|part| Port::new(slot.clone(), part)).collect();
        ports
            .iter_mut()
            .for_each(|port| assert!(port.begin(1).is_some()));
        ports[0].end(0);
        let (disk, dir) = (SimulatedDisk::new(1), Path::new("ck"));
        disk.create_dir(dir).expect("made");
        let writer = Writer::new(disk, dir.join(run_name(1)), shape, 1).expect("made");
        (region.clone(), Drain::new(region, writer), ports)
    }

    #[test]
    fn a_part_that_is_late_is_waited_for_and_one_that_will_not_come_is_not() {
        let (region, drain, mut ports) = half_an_epoch();
        region.finish();
        let late = std::thread::spawn(move || ports[1].end(0));
        let mut told = Vec::new();
        drain.run(|settled| told.push(settled.clone()), || false);
        late.join().expect("it ends");
        assert!(
            matches!(told[..], [Settled::Durable { epoch: 1, .. }]),
            "{told:?}"
        );

        // Waiting for it would take half a minute.
        let (region, drain, _ports) = half_an_epoch();
        region.abandon();
        let mut told = Vec::new();
        drain.run(|settled| told.push(settled.clone()), || false);
        assert!(told.is_empty() && region.is_writer_gone(), "{told:?}");
    }
}
