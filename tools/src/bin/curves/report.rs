//! All figures of a run, and the machine they are from; what `--json` writes.

use super::point::Point;
use millstream::sys::topology::Machine;
use serde::Serialize;

/// A run of the tool.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The command, without the path of the program.
    pub command: String,
    /// Version of the engine.
    pub version: String,
    /// The machine, in a line.
    pub machine: String,
    /// Rounds.
    pub rounds: usize,
    /// The curves that were measured.
    pub curves: Vec<CurveReport>,
}

/// A curve.
#[derive(Clone, Debug, Serialize)]
pub struct CurveReport {
    /// What was varied, in a word.
    pub varied: String,
    /// What its axis is called.
    pub axis: String,
    /// What its points have in common.
    pub fixed: String,
    /// Its lines.
    pub series: Vec<SeriesReport>,
    /// Points left out, and why.
    pub left_out: Vec<String>,
    /// Share of the CPU time that the host took meanwhile; `None` where the system does not say.
    pub steal_share: Option<f64>,
}

/// A line of a curve.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesReport {
    /// As in the legend.
    pub name: String,
    /// Its points, ascending.
    pub points: Vec<PointReport>,
}

/// A point.
#[derive(Clone, Debug, Serialize)]
pub struct PointReport {
    /// The varied value.
    pub value: usize,
    /// Everything that was set.
    pub point: Point,
    /// ns an event, of each round.
    pub event_ns: Vec<f64>,
    /// Their median.
    pub event_ns_median: f64,
    /// The least.
    pub event_ns_min: f64,
    /// The most.
    pub event_ns_max: f64,
}

impl PointReport {
    /// A point of which `event_ns` was measured, once a round.
    pub fn new(value: usize, point: Point, event_ns: Vec<f64>) -> Self {
        let mut sorted = event_ns.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        PointReport {
            value,
            point,
            event_ns_median: (at(sorted.len() / 2) + at(sorted.len().saturating_sub(1) / 2)) / 2.0,
            event_ns_min: at(0),
            event_ns_max: at(sorted.len().saturating_sub(1)),
            event_ns,
        }
    }
}

/// The machine, in a line.
pub fn machine_line() -> String {
    let machine = Machine::read();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    let mib = |bytes: Option<u64>| {
        bytes.map_or("unknown".into(), |bytes| {
            format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
        })
    };
    format!(
        "{}, {} CPUs{}, L2 {}, L3 {}, {:.0} GiB, huge pages {}, Linux {}; load average before the run {}",
        machine.cpu.model,
        machine.cpus_allowed.len(),
        if machine.cpu.virtualised {
            " (virtual)"
        } else {
            ""
        },
        mib(machine.l2_bytes),
        mib(machine.l3_bytes),
        machine.memory.total_bytes as f64 / f64::from(1 << 30),
        machine.huge_pages.as_deref().unwrap_or("unknown"),
        machine.kernel,
        load.join(" ")
    )
}
