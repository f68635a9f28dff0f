//! What tasks are expected to cost before any of them has run, and the first placement made from it.

use super::options::Options;
use crate::latency::AllocationSummary;
use crate::schedule::{AllocateError, Link, OBJECTIVE, Placement, TaskLoad, plan};

/// Events a second that the estimate speaks of. Which does not matter to the placement: loads and
/// crossings grow with it alike.
const EVENTS_PER_S: f64 = 1e6;
/// An event in a source: making or reading it, hashing, sending; ns. As measured, like that of a stage, in `aggregate` over
/// a million keys, on one core with four partitions: 4.5–4.8 and 17.2–18.0 ns.
const SOURCE_NS: f64 = 5.0;
/// An event in a stage: ring, table, operator, digest; ns.
const STAGE_NS: f64 = 18.0;

/// Places tasks, given the stage of each, rising. Every stage is taken to be shared evenly by its tasks, and to
/// pass on as many events as it gets.
pub(super) fn place(
    stages: &[usize],
    cores: usize,
    options: &Options,
) -> Result<Placement, AllocateError> {
    let (tasks, links) = (loads(stages), links(stages));
    plan(options.allocate, &tasks, &links, cores, options.seed)
}

/// What the report says of a placement that was made from estimates.
pub(super) fn summary(placement: &Placement, options: &Options) -> AllocationSummary {
    AllocationSummary {
        asked: options.allocate.word().into(),
        allocator: placement.allocator.word().into(),
        objective: OBJECTIVE.into(),
        loads: "estimated".into(),
        events_per_s: EVENTS_PER_S as u64,
        busiest_ns: placement.objective_ns as u64,
        mean_ns: placement.mean_ns() as u64,
        crossing_ns: placement.crossing_ns as u64,
    }
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
        assert!((one.objective_ns - 23e6).abs() < 1.0, "no link crosses");
        let two = place(&stages, 2, &options).unwrap();
        assert!(two.objective_ns < 0.6 * one.objective_ns, "{two:?}");
    }
}
