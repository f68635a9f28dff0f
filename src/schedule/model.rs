//! The model that all allocators plan with: tasks, links, cores, and the one objective.
//!
//! ```text
//!   load of a core = Σ load of its tasks  +  Σ events/s of links with one end on it × CROSSING_NS
//!   objective      = load of the busiest core
//! ```
//!
//! A link whose two ends share a core costs nothing beyond what its tasks were measured to take; one that
//! crosses is paid for at both ends.

use super::allocator::Allocator;
use super::error::AllocateError;

/// What an event costs each of two cores between which it crosses, beyond what it costs within one, ns.
/// From a measurement of `aggregate` (README, "Figures"): 20 ns an event on one core, 11.1 on two between
/// which three of four events cross; half of 20 would be 10.
pub const CROSSING_NS: f64 = 1.5;

/// What an event takes in a source: making or reading it, hashing, sending; ns. As measured, like that of a stage, in
/// `aggregate` over a million keys, on one core with four partitions: 4.5–4.8 and 17.2–18.0 ns. Where nothing was
/// measured yet, this is what a placement and a plan start from.
pub const SOURCE_NS: f64 = 5.0;
/// What an event takes in a keyed stage: ring, table, operator, digest; ns.
pub const STAGE_NS: f64 = 18.0;

/// The objective in words, for reports.
pub const OBJECTIVE: &str = "work of the busiest core for a second of stream";

/// What a task asks of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TaskLoad {
    /// Core time it takes for one second of stream, ns: ns an event × events a second. A task that fills a
    /// core has 1e9.
    pub load_ns: f64,
}

/// Events on their way from one task to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The task that sends.
    pub from: usize,
    /// The task that receives.
    pub to: usize,
    /// How many a second.
    pub events_per_s: f64,
}

impl Link {
    /// What it costs each of two cores when it lies between them, ns a second.
    pub(super) fn crossing_ns(&self) -> f64 {
        self.events_per_s * CROSSING_NS
    }
}

/// Tasks on cores.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The core of each task, below the number of cores asked for.
    pub cores: Vec<usize>,
    /// Load of the busiest core, crossings included, ns a second of stream.
    pub objective_ns: f64,
    /// Load of each core, crossings included, ns a second of stream.
    pub loads_ns: Vec<f64>,
    /// What crossings take of these, ns a second of stream.
    pub crossing_ns: f64,
    /// Which allocator this came from: what [`Allocator::Best`] chose, otherwise the one asked for.
    pub allocator: Allocator,
}

impl Placement {
    pub(super) fn new(allocator: Allocator, problem: &Problem<'_>, cores: Vec<usize>) -> Self {
        let loads_ns = core_loads(problem.tasks, problem.links, problem.cores, &cores);
        let work_ns: f64 = problem.tasks.iter().map(|task| task.load_ns).sum();
        Placement {
            crossing_ns: (loads_ns.iter().sum::<f64>() - work_ns).max(0.0),
            objective_ns: loads_ns.iter().copied().fold(0.0, f64::max),
            cores,
            loads_ns,
            allocator,
        }
    }

    /// `total load / cores`, crossings included: no placement with as many of them has a busiest core below it.
    pub fn mean_ns(&self) -> f64 {
        self.loads_ns.iter().sum::<f64>() / self.loads_ns.len().max(1) as f64
    }
}

/// The load of each core under a placement, crossings included, ns a second of stream. `placed` has the
/// core of each task, below `cores`.
pub fn core_loads(tasks: &[TaskLoad], links: &[Link], cores: usize, placed: &[usize]) -> Vec<f64> {
    let mut loads = vec![0.0; cores];
    for (task, &core) in tasks.iter().zip(placed) {
        loads[core] += task.load_ns;
    }
    for link in links {
        let (from, to) = (placed[link.from], placed[link.to]);
        if from != to {
            loads[from] += link.crossing_ns();
            loads[to] += link.crossing_ns();
        }
    }
    loads
}

/// What is to be placed; checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem<'a> {
    pub(super) tasks: &'a [TaskLoad],
    pub(super) links: &'a [Link],
    pub(super) cores: usize,
}

impl<'a> Problem<'a> {
    pub(super) fn new(
        tasks: &'a [TaskLoad],
        links: &'a [Link],
        cores: usize,
    ) -> Result<Self, AllocateError> {
        let sane = |number: f64| number.is_finite() && number >= 0.0;
        if cores == 0 {
            return Err(AllocateError::NoCores);
        }
        if let Some(task) = tasks.iter().position(|task| !sane(task.load_ns)) {
            let load_ns = tasks[task].load_ns;
            return Err(AllocateError::Load { task, load_ns });
        }
        let wrong = |link: &&Link| {
            link.from.max(link.to) >= tasks.len()
                || link.from == link.to
                || !sane(link.events_per_s)
        };
        if let Some(link) = links.iter().find(wrong) {
            let (link, tasks) = (*link, tasks.len());
            return Err(AllocateError::Link { link, tasks });
        }
        Ok(Problem {
            tasks,
            links,
            cores,
        })
    }

    /// What each pair of tasks costs each of two cores when it is parted, ns a second: symmetric, rows of
    /// `tasks.len()`.
    pub(super) fn crossings(&self) -> Vec<f64> {
        let count = self.tasks.len();
        let mut crossings = vec![0.0; count * count];
        for link in self.links {
            crossings[link.from * count + link.to] += link.crossing_ns();
            crossings[link.to * count + link.from] += link.crossing_ns();
        }
        crossings
    }
}
