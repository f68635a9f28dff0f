//! Why an allocator gives no placement.

use super::allocator::Allocator;
use super::model::Link;

/// Why there is no placement.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AllocateError {
    /// No allocator of this name.
    #[error("{name:?} is no allocator: expected one of {}", Allocator::NAMES.join(", "))]
    Unknown {
        /// What was given.
        name: String,
    },
    /// Nothing to place on.
    #[error("tasks cannot be placed on 0 cores: give at least one")]
    NoCores,
    /// A load that is none.
    #[error("task {task} has a load of {load_ns} ns a second: expected a number of 0 or more")]
    Load {
        /// Which task.
        task: usize,
        /// Its load.
        load_ns: f64,
    },
    /// A link that is none.
    #[error(
        "a link leads from task {} to task {} with {} events a second: expected two of {tasks} tasks and a number of 0 or more",
        link.from, link.to, link.events_per_s
    )]
    Link {
        /// The link.
        link: Link,
        /// How many tasks there are.
        tasks: usize,
    },
    /// More than dynamic programming does in about a second.
    #[error(
        "dynamic programming would take more than {steps_max} steps for {tasks} tasks on {cores} cores; \
         it does 14 unlike tasks on 10 cores, 22 on 2, and more where tasks are alike. Use greedy, \
         which is within a third of the optimum, or auto"
    )]
    TooManySteps {
        /// Tasks.
        tasks: usize,
        /// Cores.
        cores: usize,
        /// The bound.
        steps_max: u64,
    },
    /// More tasks than chains-to-chains has memory for.
    #[error(
        "chains would hold {tasks} × {tasks} crossings in memory; it does up to {tasks_max} tasks. Use greedy, or auto"
    )]
    TooLong {
        /// Tasks.
        tasks: usize,
        /// The bound.
        tasks_max: usize,
    },
}
