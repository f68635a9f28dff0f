//! Crashes a run of checkpoints at every call to its disk, recovers as the next process would, and holds what
//! is found against the states the run had at its barriers. A tool for tests: `tests/crash_states.rs` checks
//! some hundred thousand states, `tools/src/bin/crash_states.rs` as many as one likes.
//!
//! ```text
//!   seed ─► a run: epochs, aborts, faults, on a simulated disk; the state at each barrier is the model
//!             each call ─► some crashes, drawn ─► recover ─► the state of an epoch, bit by bit, that is
//!                │                                  │        no older than the last one said to be durable
//!                │                                  │        and was begun;  or a refusal, if none was
//!                │                                  └► depth 2: the next run goes on from it ─► each call ─►
//!                ├ the process alone stops ─► as above, with what was written still not safe
//!                └ and safe bytes decay ────► the state of any epoch, or a refusal; never anything else
//! ```
//!
//! Everything is drawn from the seed: a seed that fails, fails again. Whole flows, rather than the writer alone, are
//! crashed in `whole`.

mod check;
mod known;
mod run;
mod state;
pub(crate) mod subject;
mod whole;

pub(crate) use subject::{Begun, Checkpoints, Found, Subject};
pub(crate) use whole::{FlowTotals, explore_flow};

use check::Verdict;
use known::Known;
use millstream::sys::random::Random;
use millstream::sys::simulated_disk::{Moment, SimulatedDisk};
use run::{Run, Start};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How much is looked at for one seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Runs that follow each other: 2 crashes in the recovery from a crash.
    pub(crate) depth: u32,
    /// Crashes at each call that left something not safe.
    pub(crate) images: u64,
    /// States of a run that the next one goes on from.
    pub(crate) branches: u64,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Disks recovered from.
    pub(crate) states: u64,
    /// Those where an epoch was found.
    pub(crate) recovered: u64,
    /// Those of them that followed a crash in or after a recovery.
    pub(crate) deeper: u64,
    /// Those refused, rightly.
    pub(crate) refused: u64,
    /// Disks with harmed bytes: how many were seen, fell back to an older epoch, were refused.
    pub(crate) harmed: u64,
    pub(crate) fell_back: u64,
    pub(crate) harmed_refused: u64,
    /// Runs, the calls they made, the epochs that were durable, and those that were not.
    pub(crate) runs: u64,
    pub(crate) operations: u64,
    pub(crate) durable: u64,
    pub(crate) aborted: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Totals) {
        let Totals {
            states,
            recovered,
            deeper,
            refused,
            harmed,
            fell_back,
            harmed_refused,
            runs,
            operations,
            durable,
            aborted,
        } = other;
        self.states += states;
        self.recovered += recovered;
        self.deeper += deeper;
        self.refused += refused;
        self.harmed += harmed;
        self.fell_back += fell_back;
        self.harmed_refused += harmed_refused;
        self.runs += runs;
        self.operations += operations;
        self.durable += durable;
        self.aborted += aborted;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} states: {} recovered ({} from a second crash), {} rightly refused; {} with harmed bytes, of which {} \
             fell back and {} refused; {} runs, {} calls, {} epochs durable, {} not",
            self.states,
            self.recovered,
            self.deeper,
            self.refused,
            self.harmed,
            self.fell_back,
            self.harmed_refused,
            self.runs,
            self.operations,
            self.durable,
            self.aborted
        )
    }
}

/// The runs of one seed.
struct Explorer<'a, S> {
    subject: &'a S,
    extent: Extent,
    random: Random,
    totals: Totals,
}

/// Looks at the runs of `seed`; an error says what was wrong where.
pub(crate) fn explore(subject: &impl Subject, seed: u64, extent: Extent) -> Result<Totals, String> {
    let mut explorer = Explorer {
        subject,
        extent,
        random: Random::stream(seed, "explore"),
        totals: Totals::default(),
    };
    let shape = state::shape(&mut explorer.random);
    let start = Start {
        disk: SimulatedDisk::new(seed),
        shape: &shape,
        before: Vec::new(),
        harmed: false,
    };
    explorer
        .run(start, extent.depth)
        .map_err(|what| format!("seed {seed}: {what}"))?;
    Ok(explorer.totals)
}

impl<S: Subject> Explorer<'_, S> {
    /// A run, every crash of it, and the runs that follow some of them.
    fn run(&mut self, start: Start<'_>, depth: u32) -> Result<(), String> {
        let deeper = depth < self.extent.depth;
        let number = self.extent.depth - depth + 1;
        let harmed = start.harmed;
        let disk = start.disk.clone();
        disk.record();
        let mut run = Run::new(self.subject, start, self.random.next_u64());
        match catch_unwind(AssertUnwindSafe(|| run.go())) {
            Ok(done) => done?,
            Err(_) => return Err("a panic in a run, above".into()),
        }
        let (known, before) = run.known();
        let (moments, shape) = (disk.recorded(), run.shape());
        self.totals.runs += 1;
        self.totals.operations += disk.operations() - moments[0].operation;
        self.totals.durable += known.durable.len() as u64;
        self.totals.aborted += known.aborted;
        for moment in &moments {
            let by = known::until(before, known, moment.operation);
            let images = if moment.is_safe() {
                1
            } else {
                self.extent.images
            };
            for image in 0..=images {
                let (disk, how) = self.image(moment, image);
                let at = |what: String| {
                    let operation = moment.operation;
                    format!("run {number}, after call {operation}, {how}: {what}")
                };
                let decayed = how.contains("harmed");
                let verdict = self.recover(&disk, &by, harmed || decayed).map_err(at)?;
                self.count(verdict, deeper, harmed || decayed);
                let left = moments.len() as u64 * (images + 1);
                if depth > 1 && !decayed && self.random.below(left) < self.extent.branches {
                    let next = Start {
                        disk,
                        shape,
                        before: by.clone(),
                        harmed,
                    };
                    self.run(next, depth - 1).map_err(at)?;
                }
            }
        }
        Ok(())
    }

    /// The disk as one of the ways in which everything may stop leaves it, and what to call it.
    fn image(&mut self, moment: &Moment, image: u64) -> (SimulatedDisk, String) {
        let seed = self.random.next_u64();
        if image == 0 && self.random.below(4) > 0 {
            return (moment.survive(seed), "the process alone stops".into());
        }
        let disk = moment.crash(seed);
        let mut how = format!("crash {seed:#x}");
        if image == 0 {
            for _ in 0..=self.random.below(3) {
                if let Some((path, what)) = disk.decay(self.random.next_u64()) {
                    how += &format!(", harmed: {}: {what}", path.display());
                }
            }
        }
        (disk, how)
    }

    fn recover(
        &self,
        disk: &SimulatedDisk,
        known: &[Known],
        harmed: bool,
    ) -> Result<Verdict, String> {
        let found = catch_unwind(AssertUnwindSafe(|| self.subject.recover(disk)));
        let found = found.map_err(|_| "a panic in the recovery, above".to_owned())?;
        check::check(found, known, harmed)
    }

    fn count(&mut self, verdict: Verdict, deeper: bool, harmed: bool) {
        let totals = &mut self.totals;
        totals.states += 1;
        totals.harmed += u64::from(harmed);
        match verdict {
            Verdict::Refused if harmed => totals.harmed_refused += 1,
            Verdict::Refused => totals.refused += 1,
            Verdict::Found { older } => {
                totals.recovered += 1;
                totals.fell_back += u64::from(older);
                totals.deeper += u64::from(deeper);
            }
        }
    }
}
