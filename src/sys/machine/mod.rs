//! Judges the machine: what on it will hurt the tail of the latencies, why, and what to do.
//!
//! Pure: a [`Machine`] in, findings out, in a fixed order. How long the machine really stops is not
//! here but in the hiccups, which are measured.

mod cpus;
mod finding;
mod memory;
mod time;
pub use finding::{Finding, Verdict, text};

use super::topology::Machine;

/// Looks at everything that a [`Machine`] knows. `steal_share` is that of a time just measured; without
/// it the share since boot is judged.
pub fn findings(machine: &Machine, steal_share: Option<f64>) -> Vec<Finding> {
    vec![
        cpus::cpus(machine),
        cpus::topology(machine),
        cpus::quota(machine),
        cpus::pinning(machine),
        cpus::siblings(machine),
        cpus::isolation(machine),
        cpus::governor(machine),
        time::virtualisation(machine),
        time::steal(machine, steal_share),
        time::clock(machine),
        time::timer_slack(machine),
        memory::memory(machine),
        memory::swap(machine),
        memory::overcommit(machine),
        memory::huge_pages(machine),
        memory::defrag(machine),
    ]
}

#[cfg(test)]
mod tests;
