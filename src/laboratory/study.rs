//! The study of one trace: every policy at every size, and the floor below them.
//!
//! ```text
//!   Requests ─► jobs: policy × size, largest first ─► threads ─► cells
//!                                                        └─► floor: OPT at each size
//! ```
//!
//! A sample (SHARDS: Waldspurger et al., FAST'15; for any policy: Waldspurger et al., "miniature simulations",
//! USENIX ATC'17) keeps the keys whose hash is below a threshold and shrinks the cache as much. Its misses are set
//! against the references that were to be expected, requests × rate, not those that came: SHARDS-adj, which books the
//! difference, mostly due to a few keys asked for very often, as hits.

use super::error::LaboratoryError;
use super::lineup::Contender;
use super::pool::{self, Room};
use super::requests::Requests;
use super::simulate::{Bytes, Load, Tally, Watch};
use super::size::{Size, Unit};
use crate::cache::{Bounds, Units, next_uses, opt_misses};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is to be found out.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which policies.
    pub contenders: Vec<Contender>,
    /// At which sizes.
    pub sizes: Vec<Size>,
    /// Whether OPT is shown as the floor.
    pub floor: bool,
    /// Hit ratio that is wanted, above 0 and at most 1.
    pub hit_ratio: Option<f64>,
    /// Simulations at a time at the most.
    pub threads: usize,
    /// Memory for requests and simulations together, bytes.
    pub memory_bytes: u64,
}

/// A size, as it applies to one trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// As it was asked for.
    pub asked: Size,
    /// Objects or bytes of the whole trace.
    pub size: u64,
    /// Which of them.
    pub unit: Unit,
}

/// What one simulation found, for the whole trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Requests for what was not held; from a sample, an estimate.
    pub misses: u64,
    /// Their share of all requests, 0 to 1.
    pub miss_ratio: f64,
    /// Bytes missed of bytes asked for, 0 to 1; where sizes are in bytes.
    pub miss_ratio_bytes: Option<f64>,
    /// What the policy kept beside the objects, bytes.
    pub metadata_bytes: u64,
    /// Time of this simulation.
    pub elapsed: Duration,
}

/// Policies × sizes of one trace.
#[derive(Clone, Debug)]
pub struct Study {
    /// Sizes, ascending; objects before bytes.
    pub columns: Vec<Column>,
    /// Policies, as asked for.
    pub contenders: Vec<Contender>,
    /// By policy, then by size; `None` where the study was interrupted before.
    pub cells: Vec<Vec<Option<Measured>>>,
    /// OPT at each size; `None` where it was not asked for, is not known, or the study was interrupted.
    pub floor: Vec<Option<Measured>>,
    /// Requests simulated, over all simulations.
    pub simulated: u64,
    /// From the first to the last of them.
    pub elapsed: Duration,
    /// Threads that worked.
    pub threads: usize,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

/// One trace in memory, and all that simulations of it share.
pub(super) struct Trial<'a> {
    pub(super) requests: &'a Requests,
    pub(super) stop: &'a AtomicBool,
    pub(super) watch: Watch,
    /// The next use of each request, where the floor is wanted.
    next: Option<Vec<u32>>,
}

/// A policy or the floor, at a column.
#[derive(Clone, Copy)]
struct Job {
    /// `None` for the floor.
    contender: Option<usize>,
    column: usize,
}

impl Trial<'_> {
    /// The size of the cache that is simulated.
    fn bounds(&self, column: &Column) -> Bounds {
        let nodes = self.requests.objects;
        let capacity = match column.asked {
            // The share of what is kept, not of the estimate that was made from it.
            Size::Share(_) => column.asked.resolve(u64::from(nodes)),
            Size::Objects(_) | Size::Bytes(_) => self.scaled(column.size),
        };
        Bounds { capacity, nodes }
    }

    fn scaled(&self, size: u64) -> u64 {
        ((size as f64 * self.requests.rate).round() as u64).max(1)
    }

    pub(super) fn measure(&self, contender: Contender, column: &Column) -> Option<Measured> {
        let (bounds, started) = (self.bounds(column), Instant::now());
        let Requests {
            nodes,
            hashes,
            sizes,
            ..
        } = self.requests;
        let load = Load { nodes, hashes };
        let tally = match (column.unit, sizes) {
            (Unit::Bytes, Some(sizes)) => {
                contender.simulate(load, bounds, &Bytes(sizes), self.stop, &self.watch)
            }
            _ => contender.simulate(load, bounds, &Units, self.stop, &self.watch),
        };
        tally.map(|tally| self.told(tally, column.unit, started.elapsed()))
    }

    fn measure_floor(&self, column: &Column) -> Option<Measured> {
        let (next, started) = (self.next.as_ref()?, Instant::now());
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let (nodes, capacity) = (&self.requests.nodes, self.bounds(column).capacity);
        let misses = opt_misses(nodes, next, capacity, &Units);
        self.watch
            .requests
            .fetch_add(nodes.len() as u64, Ordering::Relaxed);
        let tally = Tally {
            misses,
            missed_bytes: 0,
            metadata_bytes: 0,
        };
        Some(self.told(tally, Unit::Objects, started.elapsed()))
    }

    /// From what was simulated to the whole trace.
    fn told(&self, tally: Tally, unit: Unit, elapsed: Duration) -> Measured {
        let all = self.requests.requests();
        let expected = all as f64 * self.requests.rate;
        // A few misses more than references were expected are possible, more misses than requests are not.
        let miss_ratio = (tally.misses as f64 / expected).min(1.0);
        let misses = if self.requests.is_sample() {
            (miss_ratio * all as f64).round() as u64
        } else {
            tally.misses
        };
        let asked_bytes = || -> Option<f64> {
            let sizes = self.requests.sizes.as_ref()?;
            let nodes = self.requests.nodes.iter();
            Some(nodes.map(|node| sizes[*node as usize] as f64).sum())
        };
        let asked_bytes = (unit == Unit::Bytes).then(asked_bytes).flatten();
        Measured {
            misses,
            miss_ratio,
            miss_ratio_bytes: asked_bytes.map(|asked| tally.missed_bytes as f64 / asked),
            metadata_bytes: tally.metadata_bytes,
            elapsed,
        }
    }
}

impl<'a> Trial<'a> {
    pub(super) fn new(requests: &'a Requests, floor: bool, stop: &'a AtomicBool) -> Self {
        Trial {
            requests,
            stop,
            watch: Watch::default(),
            next: floor.then(|| next_uses(&requests.nodes, requests.objects)),
        }
    }

    /// Bytes of memory before any simulation.
    pub(super) fn bytes(&self) -> u64 {
        let next = self.next.as_ref().map_or(0, Vec::capacity);
        self.requests.bytes() + (next * size_of::<u32>()) as u64
    }

    /// About what a simulation takes, bytes.
    pub(super) fn weight_bytes(&self, contender: Option<Contender>, column: &Column) -> u64 {
        match contender {
            Some(contender) => contender.memory_bytes(self.bounds(column)),
            // OPT: a bit for each request, and each object once among those that never come again.
            None => self.requests.nodes.len() as u64 / 7 + 8 * u64::from(self.requests.objects),
        }
    }
}

/// Simulates all policies of `plan` at all its sizes; `progress` is called with the share that is done.
///
/// # Errors
/// The memory allowed is not enough for the largest simulation alone.
pub fn study(
    requests: &Requests,
    plan: &Plan,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(f64, u64),
) -> Result<Study, LaboratoryError> {
    let columns = columns(&plan.sizes, requests.distinct());
    let floor = plan.floor && columns.iter().any(|column| column.unit == Unit::Objects);
    if floor {
        require(
            requests,
            plan,
            requests.bytes() + (requests.nodes.len() * size_of::<u32>()) as u64,
        )?;
    }
    let trial = Trial::new(requests, floor, stop);
    let jobs = jobs(plan, &columns, floor);
    let contender = |job: &Job| job.contender.map(|index| plan.contenders[index]);
    let weight_bytes = |job: &Job| trial.weight_bytes(contender(job), &columns[job.column]);
    let room = room(
        &trial,
        plan,
        jobs.iter().map(weight_bytes).max().unwrap_or(0),
    )?;
    let all = (jobs.len() * requests.nodes.len()).max(1) as f64;
    let started = Instant::now();
    let results = pool::run(
        &jobs,
        &room,
        weight_bytes,
        |job| match contender(job) {
            Some(contender) => trial.measure(contender, &columns[job.column]),
            None => trial.measure_floor(&columns[job.column]),
        },
        &mut || {
            let done = trial.watch.requests.load(Ordering::Relaxed);
            progress(done as f64 / all, done);
        },
    );
    let elapsed = started.elapsed();
    let mut study = Study {
        cells: vec![vec![None; columns.len()]; plan.contenders.len()],
        floor: vec![None; columns.len()],
        columns,
        contenders: plan.contenders.clone(),
        simulated: trial.watch.requests.into_inner(),
        elapsed,
        threads: room.threads.min(jobs.len()),
        interrupted: results.iter().any(Option::is_none),
    };
    for (job, result) in jobs.iter().zip(results) {
        match job.contender {
            Some(contender) => study.cells[contender][job.column] = result,
            None => study.floor[job.column] = result,
        }
    }
    Ok(study)
}

/// Refuses what takes more memory than allowed.
fn require(requests: &Requests, plan: &Plan, needed_bytes: u64) -> Result<(), LaboratoryError> {
    if needed_bytes <= plan.memory_bytes {
        return Ok(());
    }
    Err(LaboratoryError::Memory {
        trace: requests.trace.clone(),
        what: format!(
            "to simulate {} requests for {} keys",
            requests.nodes.len(),
            requests.objects
        ),
        needed_bytes,
        allowed_bytes: plan.memory_bytes,
    })
}

/// What simulations have left of the memory that is allowed.
pub(super) fn room(
    trial: &Trial,
    plan: &Plan,
    largest_bytes: u64,
) -> Result<Room, LaboratoryError> {
    require(trial.requests, plan, trial.bytes() + largest_bytes)?;
    Ok(Room {
        threads: plan.threads.max(1),
        bytes: plan.memory_bytes - trial.bytes(),
    })
}

/// The sizes that differ, ascending; objects before bytes.
fn columns(sizes: &[Size], distinct: u64) -> Vec<Column> {
    let column = |asked: &Size| Column {
        asked: *asked,
        size: asked.resolve(distinct),
        unit: asked.unit(),
    };
    let mut columns: Vec<Column> = sizes.iter().map(column).collect();
    columns.sort_by_key(|column| (column.unit, column.size));
    columns.dedup_by_key(|column| (column.unit, column.size));
    columns
}

/// All simulations, the longest first: large caches touch the most memory.
fn jobs(plan: &Plan, columns: &[Column], floor: bool) -> Vec<Job> {
    let mut jobs = Vec::new();
    for column in (0..columns.len()).rev() {
        if floor && columns[column].unit == Unit::Objects {
            jobs.push(Job {
                contender: None,
                column,
            });
        }
        let contenders = (0..plan.contenders.len()).rev();
        jobs.extend(contenders.map(|contender| Job {
            contender: Some(contender),
            column,
        }));
    }
    jobs
}
