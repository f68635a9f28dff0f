//! The machine: what it is, what a process has used, and how long it stops by itself.

use hdrhistogram::Histogram;
use millstream::latency::{Percentiles, new_histogram, percentiles, record};
use millstream::sys::clock::Origin;
use millstream::sys::topology::{Machine, cpus_allowed, pin_current_thread};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::fs;

/// CPU time that all threads of this process have taken so far, ns.
pub fn cpu_ns() -> u64 {
    ns(ClockId::ProcessCPUTime)
}

/// Now by the clock that all processes share, ns.
pub fn monotonic_ns() -> u64 {
    ns(ClockId::Monotonic)
}

fn ns(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The most memory this process has had at once, bytes.
pub fn memory_peak_bytes() -> u64 {
    status_bytes("VmHWM:")
}

fn status_bytes(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = value.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Pins this thread to the `index`th of the allowed CPUs, counted from the highest down as the engine does;
/// whether there was one.
pub fn pin_to(index: usize) -> bool {
    cpu(index).is_some_and(pin_current_thread)
}

/// The `index`th of the allowed CPUs, counted from the highest down.
pub fn cpu(index: usize) -> Option<u32> {
    let mut cpus = cpus_allowed();
    cpus.reverse();
    cpus.get(index).copied()
}

/// Touches and gives back `bytes`. A virtual machine may get memory that it has not used for seconds from its
/// host page by page, 3 s a GiB measured: that is the host's time, and no peer's.
pub fn warm_memory(bytes: usize) {
    let Ok(mut map) = memmap2::MmapOptions::new().len(bytes.max(1)).map_anon() else {
        return;
    };
    let _ = map.advise(memmap2::Advice::HugePage);
    for page in (0..map.len()).step_by(4096) {
        map[page] = 1;
    }
    drop(map);
    // The most memory there was counts from here on.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Grid of the imaginary events that sample hiccups, ns: the engine's.
const GRID_NS: u64 = 1_000;

/// How long a thread that does nothing but read the clock is kept from it, for `duration_ns`: at each
/// microsecond an imaginary event is due, and answered when the loop comes round.
pub fn hiccups(duration_ns: u64) -> Percentiles {
    pin_to(0);
    let mut histogram: Histogram<u64> = new_histogram();
    let origin = Origin::start();
    let start_ns = origin.now_ns();
    let mut grid_ns = start_ns + GRID_NS;
    while grid_ns < start_ns + duration_ns {
        let now_ns = origin.now_ns();
        while grid_ns <= now_ns {
            record(&mut histogram, now_ns - grid_ns, 1);
            grid_ns += GRID_NS;
        }
        std::hint::spin_loop();
    }
    percentiles(&histogram)
}

/// What stands at the head of every report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    pub cpu_model: String,
    pub cpus_allowed: usize,
    pub kernel: String,
    pub memory_bytes: u64,
    pub huge_pages: String,
    pub virtualised: bool,
    /// Averages over 1, 5 and 15 minutes, before the first turn.
    pub load_average: String,
}

/// Reads them.
pub fn facts() -> Facts {
    let machine = Machine::read();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    Facts {
        cpu_model: machine.cpu.model.clone(),
        cpus_allowed: machine.cpus_allowed.len(),
        kernel: machine.kernel.clone(),
        memory_bytes: machine.memory.total_bytes,
        huge_pages: machine.huge_pages.clone().unwrap_or_default(),
        virtualised: machine.cpu.virtualised,
        load_average: load
            .split_whitespace()
            .take(3)
            .collect::<Vec<_>>()
            .join(" "),
    }
}
