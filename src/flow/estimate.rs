//! What tasks are expected to cost before any of them has run, and the first placement made from it.

use super::options::Options;
use crate::latency::{AllocationSummary, GIVEN};
use crate::schedule::{
    AllocateError, Link, OBJECTIVE, SOURCE_NS, STAGE_NS, TaskLoad, core_loads, plan,
};

/// Events a second that the estimate speaks of. Which does not matter to the placement: loads and
/// crossings grow with it alike.
const EVENTS_PER_S: f64 = 1e6;

/// The core of each task at the start, and what the report says of it.
#[derive(Debug)]
pub(super) struct Allocated {
    pub(super) cores: Vec<usize>,
    pub(super) summary: AllocationSummary,
}

/// Places tasks, given the stage of each, rising; as the options say, or else from estimates. Every stage is taken to be
/// shared evenly by its tasks, and to pass on as many events as it gets.
pub(super) fn place(
    stages: &[usize],
    cores: usize,
    options: &Options,
) -> Result<Allocated, AllocateError> {
    let (tasks, links) = (loads(stages), links(stages));
    // Whoever knows better has said so; the last that was said counts for all that follow.
    let (placed, asked, allocator) = match options.place.last() {
        Some(last) => {
            let said = options.place.iter().chain(std::iter::repeat(last));
            let said = said.take(stages.len()).copied().collect();
            (said, GIVEN, GIVEN)
        }
        None => {
            let made = plan(options.allocate, &tasks, &links, cores, options.seed)?;
            (made.cores, options.allocate.word(), made.allocator.word())
        }
    };
    let loads_ns = core_loads(&tasks, &links, cores, &placed);
    let total_ns: f64 = loads_ns.iter().sum();
    let work_ns: f64 = tasks.iter().map(|task| task.load_ns).sum();
    Ok(Allocated {
        cores: placed,
        summary: AllocationSummary {
            asked: asked.into(),
            allocator: allocator.into(),
            objective: OBJECTIVE.into(),
            loads: "estimated".into(),
            events_per_s: EVENTS_PER_S as u64,
            busiest_ns: loads_ns.iter().copied().fold(0.0, f64::max) as u64,
            mean_ns: (total_ns / cores.max(1) as f64) as u64,
            crossing_ns: (total_ns - work_ns).max(0.0) as u64,
        },
    })
}

/// The tasks of each stage, in the order of the flow.
fn stage_tasks(stages: &[usize]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut first = 0;
    stages.chunk_by(|a, b| a == b).map(move |stage| {
        let tasks = first..first + stage.len();
        first = tasks.end;
        tasks
    })
}

fn loads(stages: &[usize]) -> Vec<TaskLoad> {
    let stage = stage_tasks(stages).flat_map(|tasks| {
        let event_ns = if stages[tasks.start] == 0 {
            SOURCE_NS
        } else {
            STAGE_NS
        };
        let load_ns = event_ns * EVENTS_PER_S / tasks.len() as f64;
        tasks.map(move |_| TaskLoad { load_ns })
    });
    stage.collect()
}

/// From each task of a stage to each of the next.
fn links(stages: &[usize]) -> Vec<Link> {
    let (from, to) = (stage_tasks(stages), stage_tasks(stages).skip(1));
    let between = from.zip(to).flat_map(|(senders, receivers)| {
        let events_per_s = EVENTS_PER_S / (senders.len() * receivers.len()) as f64;
        senders.flat_map(move |from| {
            receivers.clone().map(move |to| Link {
                from,
                to,
                events_per_s,
            })
        })
    });
    between.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_shared_and_linked_evenly() {
        let stages = [0, 1, 1, 2, 2];
        let loads = loads(&stages);
        assert_eq!(loads[0].load_ns, 5e6);
        assert!(loads[1..].iter().all(|task| task.load_ns == 9e6));
        let links = links(&stages);
        assert_eq!(links.len(), 2 + 4);
        assert_eq!(
            links[0],
            Link {
                from: 0,
                to: 1,
                events_per_s: 5e5
            }
        );
        assert_eq!(
            links[5],
            Link {
                from: 2,
                to: 4,
                events_per_s: 2.5e5
            }
        );
    }

    #[test]
    fn one_core_takes_all_and_two_share() {
        let stages = [0, 1, 1, 1, 1, 1, 1, 1, 1];
        let options = Options::default();
        let one = place(&stages, 1, &options).unwrap();
        assert_eq!(one.cores, [0; 9]);
        assert_eq!(one.summary.busiest_ns, 23_000_000, "no link crosses");
        let two = place(&stages, 2, &options).unwrap();
        assert!(two.summary.busiest_ns < 14_000_000, "{two:?}");
        assert_eq!(two.summary.asked, "auto");
    }

    #[test]
    fn places_that_were_given_are_told_as_such_with_what_they_come_to() {
        let options = Options {
            place: vec![1, 0],
            ..Options::default()
        };
        let given = place(&[0, 1, 1], 2, &options).unwrap();
        assert_eq!(given.cores, [1, 0, 0], "the last counts for what follows");
        let told = given.summary;
        assert_eq!((&*told.asked, &*told.allocator), (GIVEN, GIVEN));
        // 18 ns an event in the stage, and 1.5 for each that comes from the other core.
        assert_eq!(told.busiest_ns, 19_500_000);
        assert_eq!((told.mean_ns, told.crossing_ns), (13_000_000, 3_000_000));
    }
}
