//! Prediction: a flow on a simulated machine, before there is one.
//!
//! ```text
//!   flow: stages with ns an event and the spread of their keys ─┐
//!   machine: cores, partitions                                 ─┼─► tasks, links ─► plan ─► load of each core
//!   allocator, seed                                            ─┘                           what bounds it
//! ```
//!
//! The machine has cores that are all alike, with caches and memory that nobody fights for: an event costs what
//! it costs, on any number of cores, and [`CROSSING_NS`] more at both ends where it crosses. So a prediction is
//! what placement alone can bring.

use super::allocator::{Allocator, plan};
use super::error::AllocateError;
use super::model::{Link, Placement, TaskLoad};
use super::spread::Spread;

/// Events a second that loads speak of; any number gives the same shares.
const EVENTS_PER_S: f64 = 1e6;
/// A task that with what crosses to and from it has this share of the busiest core's load bounds it alone.
const ALONE: f64 = 0.9;
/// Cores whose mean load is this share of the busiest one's are all full.
const FULL: f64 = 0.95;

/// A stage of the flow; the first is the source.
#[derive(Clone, Debug)]
pub struct StageLoad {
    /// Its name.
    pub name: String,
    /// Core time for an event that it takes in, ns.
    pub event_ns: f64,
    /// Events it takes in for each that the source offers.
    pub events: f64,
    /// How they lie over partitions; `None` for a single task.
    pub spread: Option<Spread>,
}

/// What decides how many events a second there can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// All cores are full: more cores, or less work for an event.
    Work,
    /// One task fills a core, and tasks are not divided.
    Task(String),
    /// One partition fills a core, most of it events of one key.
    Key {
        /// The task.
        task: String,
        /// The key.
        key: u64,
    },
    /// Tasks are too few or too uneven to fill all cores alike.
    Placement,
}

/// A flow on so many cores.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Partitions of each stage.
    pub partitions: usize,
    /// Where tasks are, and what cores bear, ns for a million events of the source.
    pub placement: Placement,
    /// Names of the tasks.
    pub tasks: Vec<String>,
    /// What bounds it.
    pub bound: Bound,
}

impl Prediction {
    /// Core time of the busiest core for an event of the source, ns.
    pub fn busiest_ns(&self) -> f64 {
        self.placement.objective_ns / EVENTS_PER_S
    }

    /// Core time of all cores for an event over their number, ns.
    pub fn mean_ns(&self) -> f64 {
        self.placement.mean_ns() / EVENTS_PER_S
    }

    /// Events a second with the busiest core full.
    pub fn events_per_s_max(&self) -> f64 {
        1e9 / self.busiest_ns().max(f64::MIN_POSITIVE)
    }

    /// Core time of each core for an event of the source, ns.
    pub fn cores_ns(&self) -> impl Iterator<Item = f64> + '_ {
        let loads = self.placement.loads_ns.iter();
        loads.map(|load_ns| load_ns / EVENTS_PER_S)
    }
}

/// The tasks and links that `stages` come to with `partitions` of each.
pub struct Tasks {
    /// Names.
    pub names: Vec<String>,
    /// What each asks of a core.
    pub loads: Vec<TaskLoad>,
    /// What goes from one to another.
    pub links: Vec<Link>,
    /// The heaviest key of each and the share of the task's events it has.
    pub keys: Vec<Option<(u64, f64)>>,
}

/// See [`Tasks`].
pub fn tasks(stages: &[StageLoad], partitions: usize) -> Tasks {
    let mut tasks = Tasks {
        names: Vec::new(),
        loads: Vec::new(),
        links: Vec::new(),
        keys: Vec::new(),
    };
    // The tasks of the stage before, with their shares of its events.
    let mut before: Vec<(usize, f64)> = Vec::new();
    for stage in stages {
        let shares = match &stage.spread {
            Some(spread) => spread.shares(partitions),
            None => vec![(1.0, None)],
        };
        let events_per_s = stage.events * EVENTS_PER_S;
        let mut now = Vec::with_capacity(shares.len());
        for (partition, (share, key)) in shares.iter().enumerate() {
            let index = tasks.loads.len();
            tasks.names.push(match shares.len() {
                1 => stage.name.clone(),
                _ => format!("{} {partition}", stage.name),
            });
            tasks.loads.push(TaskLoad {
                load_ns: stage.event_ns * events_per_s * share,
            });
            let of_task =
                |key: &super::HotShare| (key.key, key.share / share.max(f64::MIN_POSITIVE));
            tasks.keys.push(key.as_ref().map(of_task));
            let from = before.iter().map(|(from, sent)| Link {
                from: *from,
                to: index,
                events_per_s: events_per_s * sent * share,
            });
            tasks.links.extend(from);
            now.push((index, *share));
        }
        before = now;
    }
    tasks
}

/// The flow of `stages`, with `partitions` of each, on `cores` cores.
///
/// # Errors
/// As [`plan`].
pub fn predict(
    stages: &[StageLoad],
    partitions: usize,
    allocator: Allocator,
    cores: usize,
    seed: u64,
) -> Result<Prediction, AllocateError> {
    let made = tasks(stages, partitions);
    let placement = plan(allocator, &made.loads, &made.links, cores, seed)?;
    let bound = bound(&made, &placement);
    Ok(Prediction {
        partitions,
        placement,
        tasks: made.names,
        bound,
    })
}

fn bound(made: &Tasks, placement: &Placement) -> Bound {
    let busiest = placement.objective_ns;
    if placement.mean_ns() >= FULL * busiest {
        return Bound::Work;
    }
    let core = placement.loads_ns.iter().position(|load| *load >= busiest);
    let on_it = (0..made.loads.len()).filter(|task| Some(placement.cores[*task]) == core);
    let heaviest = on_it.max_by(|a, b| made.loads[*a].load_ns.total_cmp(&made.loads[*b].load_ns));
    let with_crossings = |task: usize| {
        let crosses = |link: &&Link| {
            (link.from == task || link.to == task)
                && placement.cores[link.from] != placement.cores[link.to]
        };
        let links = made.links.iter().filter(crosses);
        made.loads[task].load_ns + links.map(Link::crossing_ns).sum::<f64>()
    };
    let Some(task) = heaviest.filter(|task| with_crossings(*task) >= ALONE * busiest) else {
        return Bound::Placement;
    };
    let name = made.names[task].clone();
    match made.keys[task] {
        Some((key, share)) if share >= 0.5 => Bound::Key { task: name, key },
        _ => Bound::Task(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::CROSSING_NS;

    fn flow(spread: Spread) -> [StageLoad; 2] {
        [
            StageLoad {
                name: "readings".into(),
                event_ns: 7.0,
                events: 1.0,
                spread: None,
            },
            StageLoad {
                name: "totals".into(),
                event_ns: 13.0,
                events: 1.0,
                spread: Some(spread),
            },
        ]
    }

    #[test]
    fn one_core_does_the_sum_and_two_share_it() {
        let flow = flow(Spread::even());
        let on = |cores| predict(&flow, 4 * cores, Allocator::Best, cores, 1).unwrap();
        let (one, two) = (on(1), on(2));
        assert!((one.busiest_ns() - 20.0).abs() < 1e-9 && one.bound == Bound::Work);
        assert!((one.events_per_s_max() - 5e7).abs() < 1.0);
        assert!(two.busiest_ns() >= 10.0 && two.busiest_ns() <= 10.0 + 13.0 / 8.0 + CROSSING_NS);
        assert_eq!(two.tasks.len(), 9);
        let sum: f64 = two.cores_ns().sum();
        assert!((sum / 2.0 - two.mean_ns()).abs() < 1e-9);
    }

    #[test]
    fn in_the_end_the_source_bounds_it() {
        let many = predict(&flow(Spread::even()), 64, Allocator::Best, 16, 1).unwrap();
        assert_eq!(many.bound, Bound::Task("readings".into()));
        assert!(
            (many.busiest_ns() - 7.0 - CROSSING_NS).abs() < 0.2,
            "{}",
            many.busiest_ns()
        );
    }

    #[test]
    fn a_hot_key_bounds_it_until_it_is_split() {
        let spread = Spread::measured(&[0.85, 0.05, 0.05, 0.05], &[(17, 0.8, 0)], false);
        let on = |spread| predict(&flow(spread), 16, Allocator::Best, 8, 1).unwrap();
        let whole = on(spread.clone());
        let task = whole.tasks[1 + 2].clone();
        assert_eq!(whole.bound, Bound::Key { task, key: 17 });
        assert!(whole.busiest_ns() >= 0.8 * 13.0);
        assert!(on(spread.split(0.25)).busiest_ns() < 0.9 * whole.busiest_ns());
    }

    #[test]
    fn links_carry_every_event_once() {
        let mut stages = flow(Spread::even()).to_vec();
        stages.push(StageLoad {
            name: "items".into(),
            events: 3.0,
            ..stages[1].clone()
        });
        let made = tasks(&stages, 4);
        let sum = |to: std::ops::Range<usize>| -> f64 {
            let links = made.links.iter().filter(|link| to.contains(&link.to));
            links.map(|link| link.events_per_s).sum()
        };
        assert!((sum(1..5) - 1e6).abs() < 1e-3 && (sum(5..9) - 3e6).abs() < 1e-3);
        assert_eq!(made.links.len(), 4 + 16);
    }
}
