//! Where a run happened, for its report.

use crate::latency::Environment;
use crate::sys::topology::Machine;
use std::time::SystemTime;

/// Fills in what the engine did not know: machine, build, command, time of the start.
pub(super) fn fill(environment: &mut Environment, started: SystemTime) {
    let machine = Machine::read();
    environment.version = env!("CARGO_PKG_VERSION").into();
    environment.commit = env!("MILLSTREAM_COMMIT").into();
    environment.command = std::env::args().collect::<Vec<_>>().join(" ");
    environment.cpu_model = machine.cpu.model;
    environment.cpus_allowed = machine.cpus_allowed.len() as u32;
    environment.kernel = machine.kernel;
    environment.memory_bytes = machine.memory.total_bytes;
    environment.huge_pages = machine.huge_pages.unwrap_or_else(|| "unknown".into());
    environment.started = humantime::format_rfc3339_seconds(started).to_string();
}
