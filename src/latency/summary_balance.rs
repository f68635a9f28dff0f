//! What tasks cost and where they went, as `summary.json` tells it.

use serde::{Deserialize, Serialize};

/// What one task cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskSummary {
    /// Its name.
    pub task: String,
    /// The core it was on at the end.
    pub core: u32,
    /// Events it took in, or offered.
    pub events: u64,
    /// Time an event in its steps; `None` where there was no event.
    pub event_ns: Option<f64>,
    /// Share of a core's time that it took, over the whole run.
    pub load: f64,
}

/// How tasks were moved between cores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BalanceSummary {
    /// Whether they were moved where the load was uneven.
    pub rebalance: bool,
    /// Middle of the pauses that moves made; `None`: nothing was moved.
    pub pause_ns_p50: Option<u64>,
    /// The longest of them.
    pub pause_ns_max: Option<u64>,
    /// Each move, in the order in which they were made.
    pub moves: Vec<MoveSummary>,
}

/// One move.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MoveSummary {
    /// The task's name.
    pub task: String,
    /// Where it was.
    pub from: u32,
    /// Where it went.
    pub to: u32,
    /// When its last step on the old core ended, since the start.
    pub at_ns: u64,
    /// From there to the start of its first step on the new core.
    pub pause_ns: u64,
    /// "balance": the load was uneven; "asked"; "cores": cores were added or taken away.
    pub reason: String,
}
