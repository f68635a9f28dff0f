//! A plan on cores: which task starts where.

use super::Plan;
use crate::flow::checkpoint::Parts;
use crate::flow::cold::ColdTiers;
use crate::flow::estimate;
use crate::flow::failure::Failures;
use crate::flow::options::Options;
use crate::flow::plan::FlowError;
use crate::latency::AllocationSummary;
use crate::runtime::PlacedTask;
use crate::sink::IntervalCollector;
use crate::state::Prefaulter;
use std::collections::BTreeSet;

/// A plan whose tasks have their cores.
pub(in crate::flow) struct Placed {
    pub(in crate::flow) tasks: Vec<PlacedTask>,
    pub(in crate::flow) allocation: AllocationSummary,
    pub(in crate::flow) splittable: BTreeSet<usize>,
    pub(in crate::flow) collectors: Vec<IntervalCollector>,
    pub(in crate::flow) prefaulter: Option<Prefaulter>,
    pub(in crate::flow) cold: ColdTiers,
    pub(in crate::flow) parts: Option<Parts>,
    pub(in crate::flow) failures: Failures,
    pub(in crate::flow) options: Options,
}

impl Plan {
    /// The tasks on their cores, upstream first, so that one round of a core moves an event as far as it can.
    ///
    /// # Errors
    /// When the allocator that was asked for refuses.
    pub(in crate::flow) fn place(mut self) -> Result<Placed, FlowError> {
        self.tasks
            .sort_by_key(|task| (task.stage_index, task.partition));
        let stages: Vec<usize> = self.tasks.iter().map(|task| task.stage_index).collect();
        let allocated = estimate::place(&stages, self.resolved.cores, &self.options)?;
        let tasks = self
            .tasks
            .into_iter()
            .zip(allocated.cores)
            .map(|(planned, core)| PlacedTask {
                name: planned.name,
                core,
                task: planned.task,
            });
        Ok(Placed {
            tasks: tasks.collect(),
            allocation: allocated.summary,
            splittable: self.splittable,
            collectors: self.collectors,
            prefaulter: self.prefaulter,
            cold: self.cold,
            parts: self.parts,
            failures: self.failures,
            options: self.options,
        })
    }
}
