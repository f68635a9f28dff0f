//! Findings about memory: whether there is enough, and how large its pages are.

use super::finding::{Finding, Verdict, finding, ok};
use crate::sys::quantity::format_bytes;
use crate::sys::topology::Machine;

/// Below this much memory at hand a run may be killed or swap.
const MEMORY_LOW_BYTES: u64 = 1 << 30;

pub(super) fn memory(machine: &Machine) -> Finding {
    let memory = machine.memory;
    let value = format!(
        "{} of {} at hand",
        format_bytes(memory.available_bytes),
        format_bytes(memory.total_bytes)
    );
    match memory.available_bytes {
        _ if memory.total_bytes == 0 => ok("memory", "unknown"),
        MEMORY_LOW_BYTES.. => ok("memory", value),
        _ => finding(
            "memory",
            value,
            Verdict::Bad,
            "the kernel reclaims pages while the flow waits, and may kill it",
            "end other programs, or run with fewer keys",
        ),
    }
}

pub(super) fn swap(machine: &Machine) -> Finding {
    match machine.memory.swap_used_bytes {
        0 => ok("swap", "not in use"),
        bytes => finding(
            "swap",
            format!("{} in use", format_bytes(bytes)),
            Verdict::Warn,
            "a state that was swapped out costs milliseconds to touch",
            "sudo swapoff -a, if the memory suffices",
        ),
    }
}

pub(super) fn overcommit(machine: &Machine) -> Finding {
    match machine.overcommit {
        None => ok("overcommit", "unknown"),
        Some(2) => finding(
            "overcommit",
            "2 (strict)",
            Verdict::Warn,
            "memory reserved for tables to grow into counts as used, and may be refused",
            "sudo sysctl vm.overcommit_memory=0",
        ),
        Some(mode) => ok("overcommit", mode.to_string()),
    }
}

pub(super) fn huge_pages(machine: &Machine) -> Finding {
    match machine.huge_pages.as_deref() {
        Some("never") => finding(
            "huge pages",
            "never",
            Verdict::Warn,
            "a large state table misses the TLB at almost every event",
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
        ),
        Some(setting) => ok("huge pages", setting),
        None => finding(
            "huge pages",
            "none",
            Verdict::Warn,
            "this kernel offers none, so a large state table misses the TLB at almost every event",
            "use a kernel with transparent huge pages",
        ),
    }
}

pub(super) fn defrag(machine: &Machine) -> Finding {
    match machine.huge_pages_defrag.as_deref() {
        Some("always") => finding(
            "huge-page defrag",
            "always",
            Verdict::Warn,
            "a first touch of memory may wait for the kernel to move pages together",
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/defrag",
        ),
        Some(setting) => ok("huge-page defrag", setting),
        None => ok("huge-page defrag", "unknown"),
    }
}
