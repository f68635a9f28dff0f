//! Whether hot keys of a stage are split: what was asked for, and what stands against it.

use super::failure::wants_block;
use super::options::Order;
use super::plan::{FlowError, Plan};
use crate::operator::Operator;

/// Whether the events of a hot key may go to several partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SplitHot {
    /// Never.
    #[default]
    Off,
    /// Always; a run in which they cannot is refused.
    On,
    /// Where they can and there are two cores or more.
    Auto,
}

/// A key is hot when its share of the events is above that of a core, times this: with less, whole partitions
/// can be placed so that cores have equal shares.
pub const HOT_OF_A_CORE: f64 = 0.5;

/// From which share of the events on a key of this stage is split, if any; the plan learns whether any could be.
pub(super) fn share_to_split<Op: Operator>(
    plan: &mut Plan,
    (stage, stage_index): (&str, usize),
    senders: usize,
    keeps_keys: bool,
) -> Result<Option<f64>, FlowError> {
    let (cores, options) = (plan.resolved.cores, &plan.options);
    let share = HOT_OF_A_CORE / cores as f64;
    let against = if senders > 1 {
        Some(
            "its events come from several tasks, and no one of them sees all those of a key in order: have a single task send them",
        )
    } else if !keeps_keys {
        Some("its partitioner spreads the events of every key already: use hash or range")
    } else if plan.resolved.partitions < 2 {
        Some("it has one partition: ask for more with runtime.partitions")
    } else if stage_index < plan.last_stage {
        Some(
            "the stages behind it take the results of a key in order, and those of a split key come by several ways: leave partition.split_hot off",
        )
    } else if options.order == Order::Deterministic {
        Some(
            "a key moves when queues are uneven, which no two runs agree on: use runtime.order = \"arrival\"",
        )
    } else if options.state_memory_bytes > 0 {
        Some("bounded state may lie in a file when a key moves: leave state.memory out")
    } else if options.state_ttl_ns > 0 {
        Some("the task that folds a split key knows no time to live: leave state.ttl out")
    } else if Op::GUARDED || wants_block::<Op>(options) {
        Some(
            "an event that fails in the operator would have been counted by the task that sends it: use failure.policy = \"stop\" without retries and drills",
        )
    } else {
        None
    };
    let split_hot = options.split_hot;
    if against.is_none() {
        plan.splittable.insert(stage_index);
    }
    match (split_hot, against) {
        (SplitHot::Off, _) | (SplitHot::Auto, Some(_)) => Ok(None),
        (SplitHot::Auto, None) => Ok((cores > 1).then_some(share)),
        (SplitHot::On, None) => Ok(Some(share)),
        (SplitHot::On, Some(reason)) => Err(FlowError::SplitHot {
            whose: format!("stage {stage}"),
            reason,
        }),
    }
}

/// Splitting was asked for, so there has to be a stage that can be split.
pub(super) fn something_to_split(plan: &Plan) -> Result<(), FlowError> {
    if plan.options.split_hot == SplitHot::On && !plan.mergeable {
        return Err(FlowError::SplitHot {
            whose: format!("the flow {:?}", plan.options.name),
            reason: "no stage has an operator whose state can be merged (made with `keyed_mergeable`; of the applications, aggregate)",
        });
    }
    Ok(())
}
