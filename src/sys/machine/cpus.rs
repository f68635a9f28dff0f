//! Findings about CPUs: which there are, and whether a core has one to itself.

use super::finding::{Finding, Verdict, finding, ok};
use crate::sys::procfs::cpu_list_text;
use crate::sys::topology::Machine;

/// From here on a machine has a CPU to spare for isolation.
const CPUS_TO_ISOLATE: usize = 4;

pub(super) fn cpus(machine: &Machine) -> Finding {
    let allowed = &machine.cpus_allowed;
    let model = &machine.cpu.model;
    let value = format!("{} ({}) {model}", allowed.len(), cpu_list_text(allowed));
    match allowed.len() {
        0 => finding(
            "CPUs",
            "unknown",
            Verdict::Warn,
            "the system does not say which CPUs this process may use",
            "nothing to do; threads run where the system puts them",
        ),
        1 => finding(
            "CPUs",
            value,
            Verdict::Warn,
            "the flow shares its only CPU with the system, whose work stops it for milliseconds",
            "allow a second CPU (taskset, cpuset) and leave it to the system",
        ),
        _ => ok("CPUs", value),
    }
}

/// Most CPUs that are listed one by one.
const CPUS_LISTED: usize = 16;

pub(super) fn topology(machine: &Machine) -> Finding {
    let (cores, caches, nodes) = machine.cpus.counts();
    let order = machine.cpus.order();
    let mut listed: Vec<String> = order.iter().take(CPUS_LISTED).map(u32::to_string).collect();
    if order.len() > CPUS_LISTED {
        listed.push("…".into());
    }
    let count = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        more => format!("{more} {what}s"),
    };
    ok(
        "topology",
        format!(
            "{}, {}, {}; cores take CPUs {}",
            count(cores, "physical core"),
            count(caches, "last-level cache"),
            count(nodes, "memory node"),
            listed.join(","),
        ),
    )
}

pub(super) fn quota(machine: &Machine) -> Finding {
    match machine.cpu_quota {
        None => ok("CPU quota", "none"),
        Some(cpus) => finding(
            "CPU quota",
            format!("{cpus:.2} CPUs"),
            Verdict::Bad,
            "a group that has used its quota stands still until its period (mostly 100 ms) ends, and \
             a spinning core uses it all",
            "lift the quota (cpu.max, --cpus) and limit by CPUs instead (cpuset, --cpuset-cpus)",
        ),
    }
}

pub(super) fn pinning(machine: &Machine) -> Finding {
    match machine.pinning {
        true => ok("pinning", "allowed"),
        false => finding(
            "pinning",
            "refused",
            Verdict::Warn,
            "threads that move between CPUs lose their caches and may share a CPU while another is idle",
            "allow sched_setaffinity (seccomp profile, cpuset of the container)",
        ),
    }
}

pub(super) fn siblings(machine: &Machine) -> Finding {
    if machine.siblings.is_empty() {
        return ok("shared cores", "none");
    }
    let groups: Vec<String> = machine.siblings.iter().map(|g| cpu_list_text(g)).collect();
    finding(
        "shared cores",
        groups.join(" "),
        Verdict::Warn,
        "two CPUs of one physical core slow each other by a third to a half when both are busy",
        "use one CPU of each (taskset -c), or: echo off | sudo tee /sys/devices/system/cpu/smt/control",
    )
}

pub(super) fn isolation(machine: &Machine) -> Finding {
    let allowed = |cpus: &[u32]| -> Vec<u32> {
        let ours = |cpu: &&u32| machine.cpus_allowed.contains(cpu);
        cpus.iter().filter(ours).copied().collect()
    };
    let (isolated, nohz) = (allowed(&machine.isolated), allowed(&machine.nohz_full));
    if isolated.is_empty() && !machine.isolated.is_empty() {
        return finding(
            "isolated CPUs",
            format!("{}, not for this process", cpu_list_text(&machine.isolated)),
            Verdict::Warn,
            "the scheduler starts no process on isolated CPUs, so the flow runs beside them",
            "name them with --cpus, or start with taskset -c",
        );
    }
    match (isolated.is_empty(), nohz.is_empty()) {
        (true, _) if machine.cpus_allowed.len() < CPUS_TO_ISOLATE => {
            ok("isolated CPUs", "none (too few CPUs to isolate any)")
        }
        (true, _) => finding(
            "isolated CPUs",
            "none",
            Verdict::Warn,
            "other processes and the scheduler's tick interrupt every core for 2 to 50 µs at a time",
            "boot with isolcpus=… nohz_full=… rcu_nocbs=… for the CPUs of the flow",
        ),
        (false, true) => finding(
            "isolated CPUs",
            cpu_list_text(&isolated),
            Verdict::Warn,
            "the CPUs are isolated but still have the periodic tick",
            "boot with nohz_full=… for the same CPUs",
        ),
        (false, false) => ok(
            "isolated CPUs",
            format!(
                "{}, no tick on {}",
                cpu_list_text(&isolated),
                cpu_list_text(&nohz)
            ),
        ),
    }
}

pub(super) fn governor(machine: &Machine) -> Finding {
    match machine.governor.as_deref() {
        None => ok("frequency", "not ours to set"),
        Some("performance") => ok("frequency", "performance"),
        Some(governor) => finding(
            "frequency",
            governor,
            Verdict::Warn,
            "a core that was idle starts slowly, and so do the first events after a pause",
            "sudo cpupower frequency-set -g performance",
        ),
    }
}
