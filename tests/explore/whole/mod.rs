//! Whole flows crashed and recovered: source, exchanges, keyed stages and a file of results, stepped in an order drawn
//! from a seed with their checkpoints on a simulated disk.
//!
//! ```text
//!   seed ─► a stream of events ─► one loop over it: rows and digest that must come out          (oracle.rs)
//!        ─► lives:  recover ─► flow of P partitions, faults ─► crash at a call, or between two steps ─┐   (life.rs)
//!             ▲     └ the epoch found is no older than the last one said to be durable                │
//!             └─ the disk as the crash leaves it; bits rot; another P in one life of two ◄────────────┘
//!        ─► a last life without a fault ends ─► power fails ─► each row is in the file once; the digest is that
//!           of the whole stream
//! ```
//!
//! Where safe bytes were harmed, a refusal or an older epoch is right as well; another result never is.

mod life;
mod oracle;

use life::{Crash, End, Life};
use millstream::checkpoint::{CheckpointError, Directory, Wanted};
use millstream::sys::random::Random;
use millstream::sys::simulated_disk::{Fault, FaultKind, SimulatedDisk};
use oracle::Oracle;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const CHECKPOINTS: &str = "/checkpoints";
const RESULTS: &str = "/results.csv";
/// Lives before the one that is left alone.
const LIVES_MAX: u64 = 5;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FlowTotals {
    /// Flows whose results were right in the end.
    pub(crate) flows: u64,
    /// Runs of them.
    pub(crate) lives: u64,
    /// Lives that ended at a call to the disk; of those, before the flow's first step.
    pub(crate) at_calls: u64,
    pub(crate) in_recovery: u64,
    /// Lives that ended between two steps.
    pub(crate) between_steps: u64,
    /// Lives that a fault ended, or that went through with one.
    pub(crate) failed: u64,
    pub(crate) endured: u64,
    /// Lives that went on from an epoch; of those, with another number of partitions.
    pub(crate) restored: u64,
    pub(crate) reshaped: u64,
    /// Lives on a disk with harmed bytes, and refusals of those.
    pub(crate) harmed: u64,
    pub(crate) refused: u64,
    /// Ends that power failed after, with another life gone through from there.
    pub(crate) again: u64,
}

impl FlowTotals {
    pub(crate) fn add(&mut self, other: &FlowTotals) {
        let sums = [
            (&mut self.flows, other.flows),
            (&mut self.lives, other.lives),
            (&mut self.at_calls, other.at_calls),
            (&mut self.in_recovery, other.in_recovery),
            (&mut self.between_steps, other.between_steps),
            (&mut self.failed, other.failed),
            (&mut self.endured, other.endured),
            (&mut self.restored, other.restored),
            (&mut self.reshaped, other.reshaped),
            (&mut self.harmed, other.harmed),
            (&mut self.refused, other.refused),
            (&mut self.again, other.again),
        ];
        sums.into_iter().for_each(|(sum, more)| *sum += more);
    }
}

impl fmt::Display for FlowTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} flows right in {} lives: {} crashed at a call ({} of them in recovery), {} between steps, {} failed and {} went \
             through with faults; {} restored, {} of them in another shape; {} with harmed bytes, {} rightly refused; {} gone \
             on from their end",
            self.flows,
            self.lives,
            self.at_calls,
            self.in_recovery,
            self.between_steps,
            self.failed,
            self.endured,
            self.restored,
            self.reshaped,
            self.harmed,
            self.refused,
            self.again
        )
    }
}

/// One flow from its seed to its end; an error says what was wrong in which life.
pub(crate) fn explore_flow(seed: u64) -> Result<FlowTotals, String> {
    let mut explorer = Explorer {
        random: Random::stream(seed, "flows"),
        oracle: Oracle::of(seed),
        totals: FlowTotals::default(),
        durable: 0,
        harmed: false,
        partitions: 0,
    };
    let disk = SimulatedDisk::new(seed);
    explorer
        .lives(disk)
        .map_err(|(life, what)| format!("seed {seed}, life {life}: {what}"))?;
    Ok(explorer.totals)
}

struct Explorer {
    random: Random,
    oracle: Oracle,
    totals: FlowTotals,
    /// The last epoch that was said to be durable.
    durable: u64,
    /// Whether safe bytes were harmed.
    harmed: bool,
    /// Of the life before.
    partitions: usize,
}

impl Explorer {
    fn lives(&mut self, mut disk: SimulatedDisk) -> Result<(), (u64, String)> {
        let count = self.random.below(LIVES_MAX);
        let mut again = self.random.below(8) == 0;
        let mut number = 0;
        loop {
            let quiet = number >= count;
            let at = |what| (number, what);
            match self.live(&disk, quiet).map_err(at)? {
                Next::Disk(left) => disk = left,
                Next::Refused => return Ok(()),
                Next::Ended if quiet && again => {
                    self.totals.again += 1;
                    again = false;
                    disk = disk.crash(self.random.next_u64());
                }
                // A life that was to crash and came to its end before: that must be right, too.
                Next::Ended if !quiet => disk = disk.crash(self.random.next_u64()),
                Next::Ended => break,
            }
            number += 1;
        }
        self.totals.flows += 1;
        Ok(())
    }

    /// One life: what is on the disk is looked at, and a run goes on from it.
    fn live(&mut self, disk: &SimulatedDisk, quiet: bool) -> Result<Next, String> {
        self.totals.lives += 1;
        self.totals.harmed += u64::from(self.harmed);
        let found = self.found(disk)?;
        let reshaped = self.partitions > 0 && self.random.below(2) == 0;
        let partitions = match self.partitions {
            0 => 2 + self.random.below(3) as usize,
            same if !reshaped => same,
            other => 1 + (other + self.random.below(3) as usize) % 4,
        };
        if found == Finding::Epoch {
            self.totals.restored += 1;
            self.totals.reshaped += u64::from(partitions != self.partitions);
        }
        self.partitions = partitions;
        let faulty = !quiet && self.random.below(3) == 0;
        if faulty {
            self.inject(disk);
        }
        let life = Life {
            seed: self.random.next_u64(),
            partitions,
            crash: self.crash(disk, quiet),
        };
        let lived = catch_unwind(AssertUnwindSafe(|| life.live(disk, &self.oracle)));
        let lived = lived.map_err(|_| "a panic, above".to_owned())?;
        disk.heal();
        self.durable = self.durable.max(lived.durable);
        match lived.end {
            End::Whole { digest } => {
                self.totals.endured += u64::from(faulty);
                self.check(disk, digest)?;
                return Ok(Next::Ended);
            }
            End::Crashed => match life.crash {
                Crash::Steps(_) => self.totals.between_steps += 1,
                _ => {
                    self.totals.at_calls += 1;
                    self.totals.in_recovery += u64::from(!lived.started);
                }
            },
            End::Stuck(why) => return Err(why),
            End::Failed(_) if faulty => self.totals.failed += 1,
            // What is harmed may be of the file of results alone.
            End::Failed(_) if !lived.started && (self.harmed || found == Finding::Untrusted) => {
                self.totals.refused += 1;
                return Ok(Next::Refused);
            }
            End::Failed(why) => return Err(format!("failed on a sound disk: {why}")),
        }
        Ok(Next::Disk(self.left(disk)))
    }

    /// What a recovery finds.
    fn found(&self, disk: &SimulatedDisk) -> Result<Finding, String> {
        let disk = disk.moment().survive(1);
        let found = Directory::open(disk, Path::new(CHECKPOINTS))
            .and_then(|directory| directory.snapshot(Wanted::Latest));
        match found {
            Ok((snapshot, _)) if snapshot.epoch >= self.durable || self.harmed => {
                Ok(Finding::Epoch)
            }
            Ok((snapshot, _)) => Err(format!(
                "found epoch {}, though {} was durable",
                snapshot.epoch, self.durable
            )),
            Err(error) if self.durable > 0 && !self.harmed => Err(format!(
                "refused, though epoch {} was durable: {error}",
                self.durable
            )),
            Err(
                CheckpointError::Missing { .. }
                | CheckpointError::Empty { .. }
                | CheckpointError::NothingDurable { .. },
            ) => Ok(Finding::Nothing),
            Err(_) => Ok(Finding::Untrusted),
        }
    }

    fn inject(&mut self, disk: &SimulatedDisk) {
        for _ in 0..=self.random.below(2) {
            let kind = FaultKind::ALL[self.random.below(FaultKind::ALL.len() as u64) as usize];
            // A read that fails in a recovery is as a byte that is harmed: an older epoch is gone on from, and the file
            // of results is cut to it.
            self.harmed |= kind == FaultKind::ReadError;
            disk.inject(Fault {
                kind,
                operation: disk.operations() + 1 + self.random.below(200),
                times: 1 + self.random.below(3),
            });
        }
    }

    fn crash(&mut self, disk: &SimulatedDisk, quiet: bool) -> Crash {
        // Near, for recoveries, and far.
        let reach = [25, 100, 400][self.random.below(3) as usize];
        match self.random.below(3) {
            _ if quiet => Crash::Never,
            0 => Crash::Steps(1 + self.random.below(2 * reach)),
            _ => Crash::Calls(disk.operations() + self.random.below(reach)),
        }
    }

    /// The disk as the next life finds it.
    fn left(&mut self, disk: &SimulatedDisk) -> SimulatedDisk {
        let seed = self.random.next_u64();
        let left = match self.random.below(4) {
            0 => disk.moment().survive(seed),
            _ => disk.crash(seed),
        };
        if self.random.below(16) == 0 {
            for _ in 0..=self.random.below(2) {
                self.harmed |= left.decay(self.random.next_u64()).is_some();
            }
        }
        left
    }

    /// A run came to its end: power fails, and everything must be there.
    fn check(&mut self, disk: &SimulatedDisk, digest: Option<u64>) -> Result<(), String> {
        if digest != Some(self.oracle.digest) {
            return Err(format!(
                "digest {digest:x?}, not {:x} as of the sequential run",
                self.oracle.digest
            ));
        }
        let left = disk.crash(self.random.next_u64());
        let files = left.files();
        let file = files
            .iter()
            .find(|(path, _)| path == Path::new(RESULTS))
            .ok_or("no file of results")?;
        self.oracle.check(&file.1)
    }
}

/// What a recovery finds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finding {
    Epoch,
    /// No epoch was ever durable: it begins anew.
    Nothing,
    /// What may have been an epoch, such as a slot of the first one that was torn: to be refused.
    Untrusted,
}

/// What follows a life.
enum Next {
    /// Another on this disk.
    Disk(SimulatedDisk),
    /// Nothing: it was rightly refused to go on.
    Refused,
    /// It came to its end.
    Ended,
}
