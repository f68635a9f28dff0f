//! Reads what the kernel tells in `/proc` and `/sys`: text in, values out, no file touched.
//!
//! Every function takes the text of one file, so that a test can hand it the text of any machine. What
//! is absent or strange becomes `None` or an empty list: the kernel's files differ between versions,
//! architectures and containers, and none of them is worth failing a run.

use serde::Serialize;

/// A list of CPUs as in `/sys/devices/system/cpu/online`: `0-3,8,10-11`. Empty for nothing and for
/// `(null)`, which `nohz_full` says where it is off.
pub fn cpu_list(text: &str) -> Vec<u32> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.trim().parse::<u32>(), last.trim().parse::<u32>()) {
            // The kernel has at most 8,192 CPUs; a longer range is not a list of them.
            cpus.extend((first..=last).take(8_192));
        }
    }
    cpus.sort_unstable();
    cpus.dedup();
    cpus
}

/// CPUs as such a list: `0-3,8`.
pub fn cpu_list_text(cpus: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for &cpu in cpus {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => parts.push((cpu, cpu)),
        }
    }
    let part = |(first, last): &(u32, u32)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(",")
}

/// What `/proc/cpuinfo` says of the first CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CpuInfo {
    /// The model's name; on ARM, which gives none, its implementer and part numbers.
    pub model: String,
    /// The time-stamp counter ticks at one rate, whatever the frequency, and never stops. `None` where
    /// there is no such counter to speak of (not x86).
    pub tsc_invariant: Option<bool>,
    /// A hypervisor is underneath.
    pub virtualised: bool,
}

/// `/proc/cpuinfo`.
pub fn cpuinfo(text: &str) -> CpuInfo {
    let value = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(field, _)| field.trim() == name)
            .map(|(_, value)| value.trim())
    };
    let flags: Option<Vec<&str>> = value("flags").map(|flags| flags.split(' ').collect());
    let has = |flag: &str| flags.as_ref().is_some_and(|flags| flags.contains(&flag));
    let model = match (
        value("model name"),
        value("CPU implementer"),
        value("CPU part"),
    ) {
        (Some(model), _, _) => model.to_string(),
        (None, Some(implementer), Some(part)) => format!("ARM {implementer} part {part}"),
        _ => String::new(),
    };
    CpuInfo {
        model,
        tsc_invariant: flags
            .as_ref()
            .map(|_| has("constant_tsc") && has("nonstop_tsc")),
        virtualised: has("hypervisor"),
    }
}

/// A cache's size as in `cache/index2/size`: `2048K`, `32M`; bytes.
pub fn cache_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = match text.strip_suffix(['K', 'M']) {
        Some(number) if text.ends_with('K') => (number, 1 << 10),
        Some(number) => (number, 1 << 20),
        None => (text, 1),
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// Memory, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// All of it.
    pub total_bytes: u64,
    /// What can be had without swapping.
    pub available_bytes: u64,
    /// Swap in use.
    pub swap_used_bytes: u64,
}

/// Memory that can be had now, bytes; 0 where the system does not say.
pub fn available_memory_bytes() -> u64 {
    meminfo(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default()).available_bytes
}

/// `/proc/meminfo`.
pub fn meminfo(text: &str) -> Memory {
    let bytes = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(field, _)| *field == name)
            .and_then(|(_, value)| value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
            .map_or(0, |kib| kib.saturating_mul(1_024))
    };
    Memory {
        total_bytes: bytes("MemTotal"),
        available_bytes: bytes("MemAvailable"),
        swap_used_bytes: bytes("SwapTotal").saturating_sub(bytes("SwapFree")),
    }
}

/// The choice in force, as in `transparent_hugepage/enabled`: `madvise` of `always [madvise] never`.
pub fn chosen(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0)
}

/// Time all CPUs together spent since boot, in the kernel's ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CpuTime {
    /// All of it, idle time included.
    pub total_ticks: u64,
    /// What the hypervisor gave to others while a CPU here had something to run.
    pub steal_ticks: u64,
}

impl CpuTime {
    /// Share of the time from `earlier` until now that was stolen; `None` where no time has passed.
    pub fn steal_share_since(&self, earlier: &CpuTime) -> Option<f64> {
        let total = self.total_ticks.checked_sub(earlier.total_ticks)?;
        let steal = self.steal_ticks.saturating_sub(earlier.steal_ticks);
        (total > 0).then(|| steal as f64 / total as f64)
    }
}

/// The first line of `/proc/stat`.
pub fn stat(text: &str) -> Option<CpuTime> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .map_while(|n| n.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal; guest times, which follow, are part of user.
    let times = ticks.get(..8)?;
    Some(CpuTime {
        total_ticks: times.iter().fold(0, |sum: u64, n| sum.saturating_add(*n)),
        steal_ticks: times[7],
    })
}

/// A group's share of CPU time as in cgroup 2's `cpu.max`: `150000 100000` is 1.5 CPUs; `None` for
/// `max`, no limit.
pub fn cpu_quota(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period) = (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
#[path = "procfs_tests.rs"]
mod tests;
