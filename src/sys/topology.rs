//! The machine as this process sees it: its CPUs, caches, memory, clocks and kernel settings.
//!
//! A [`Machine`] is plain data. [`Machine::read`] fills it once, before a run; `procfs.rs` knows the
//! formats, `machine.rs` judges. What cannot be read (no such file, a container, not Linux) is left out.

use super::cpus::Cpus;
use super::procfs::{self, CpuInfo, CpuTime, Memory};
use serde::Serialize;
use std::fs;

const CPUS: &str = "/sys/devices/system/cpu";
const HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage";
const CLOCK_SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/// What there is to know about the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Machine {
    /// CPUs this process may run on, rising.
    pub cpus_allowed: Vec<u32>,
    /// Whether a thread could be pinned to each of them.
    pub pinning: bool,
    /// What they share, and in which order they are used.
    pub cpus: Cpus,
    /// CPUs that share a physical core, of those allowed; cores with one CPU are left out.
    pub siblings: Vec<Vec<u32>>,
    /// CPUs' worth of time that the control group may use; `None` where not limited.
    pub cpu_quota: Option<f64>,
    /// The model and what its flags say.
    pub cpu: CpuInfo,
    /// Second-level cache of the first allowed CPU, bytes.
    pub l2_bytes: Option<u64>,
    /// Third-level cache of the first allowed CPU, bytes.
    pub l3_bytes: Option<u64>,
    /// Memory.
    pub memory: Memory,
    /// Kernel release.
    pub kernel: String,
    /// Transparent huge pages: `always`, `madvise` or `never`.
    pub huge_pages: Option<String>,
    /// What the kernel does when there is no huge page ready: `always` (stalls), `defer`, `madvise` ….
    pub huge_pages_defrag: Option<String>,
    /// The kernel's clock: `tsc`, `kvm-clock`, `hpet` ….
    pub clock_source: Option<String>,
    /// CPU time since boot.
    pub cpu_time: Option<CpuTime>,
    /// Frequency governor of the first allowed CPU.
    pub governor: Option<String>,
    /// `vm.overcommit_memory`.
    pub overcommit: Option<u32>,
    /// CPUs that the scheduler leaves alone (`isolcpus`).
    pub isolated: Vec<u32>,
    /// CPUs without the periodic tick (`nohz_full`).
    pub nohz_full: Vec<u32>,
    /// By how much the kernel may delay a timer of this thread, ns.
    pub timer_slack_ns: Option<u64>,
}

impl Machine {
    /// Reads the machine; takes about a millisecond and starts a short-lived thread a CPU, which
    /// tries whether it may be pinned there.
    pub fn read() -> Machine {
        let cpus_allowed = cpus_allowed();
        let first = cpus_allowed.first().copied().unwrap_or(0);
        let word = |path: &str| read(path).map(|text| text.trim().to_string());
        let choice =
            |file: &str| Some(procfs::chosen(&read(&format!("{HUGE_PAGES}/{file}"))?)?.to_string());
        let list = |file: &str| {
            read(&format!("{CPUS}/{file}")).map_or(Vec::new(), |text| procfs::cpu_list(&text))
        };
        Machine {
            cpus: Cpus::read(&cpus_allowed),
            pinning: can_pin(&cpus_allowed),
            siblings: siblings(&cpus_allowed),
            cpu_quota: read("/sys/fs/cgroup/cpu.max").and_then(|text| procfs::cpu_quota(&text)),
            cpu: read("/proc/cpuinfo").map_or_else(CpuInfo::default, |text| procfs::cpuinfo(&text)),
            l2_bytes: cache(first, "2"),
            l3_bytes: cache(first, "3"),
            memory: read("/proc/meminfo").map_or_else(Memory::default, |t| procfs::meminfo(&t)),
            kernel: word("/proc/sys/kernel/osrelease").unwrap_or_default(),
            huge_pages: choice("enabled"),
            huge_pages_defrag: choice("defrag"),
            clock_source: word(CLOCK_SOURCE),
            cpu_time: cpu_time(),
            governor: word(&format!("{CPUS}/cpu{first}/cpufreq/scaling_governor")),
            overcommit: word("/proc/sys/vm/overcommit_memory").and_then(|text| text.parse().ok()),
            isolated: list("isolated"),
            nohz_full: list("nohz_full"),
            timer_slack_ns: word("/proc/self/timerslack_ns").and_then(|text| text.parse().ok()),
            cpus_allowed,
        }
    }
}

/// The CPUs that the calling thread may run on, rising; empty where unknown. The kernel's text comes before
/// `sched_getaffinity`, whose mask in libraries ends at 1,024.
pub fn cpus_allowed() -> Vec<u32> {
    let status = read("/proc/thread-self/status").unwrap_or_default();
    let listed = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let cpus = listed.map_or(Vec::new(), procfs::cpu_list);
    if !cpus.is_empty() {
        return cpus;
    }
    let ids = core_affinity::get_core_ids().unwrap_or_default();
    let mut cpus: Vec<u32> = ids.iter().map(|core| core.id as u32).collect();
    cpus.sort_unstable();
    cpus
}

/// CPUs that are switched on (`/sys/devices/system/cpu/online`), rising; empty where unknown.
pub fn cpus_online() -> Vec<u32> {
    read(&format!("{CPUS}/online")).map_or(Vec::new(), |text| procfs::cpu_list(&text))
}

/// The CPUs for the cores of a run: core `i` goes to the `i`th. Those `given`, or else all allowed, as
/// [`Cpus::order`] says.
pub fn cpus_in_order(given: &[u32]) -> Vec<u32> {
    if given.is_empty() {
        Cpus::read(&cpus_allowed()).order()
    } else {
        given.to_vec()
    }
}

/// CPU time until now; two of them give the steal share of the time between.
pub fn cpu_time() -> Option<CpuTime> {
    procfs::stat(&read("/proc/stat")?)
}

/// Pins the calling thread to `cpu`; whether that was granted. It may be one that the thread was not
/// confined to, such as an isolated one. Numbers of 1,024 and above are refused: they lie beyond the mask that
/// libraries pass to the kernel, and `core_affinity` would write there.
pub fn pin_current_thread(cpu: u32) -> bool {
    if cpu as usize >= rustix::thread::CpuSet::MAX_CPU {
        return false;
    }
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu as usize);
    rustix::thread::sched_setaffinity(None, &set).is_ok()
}

/// Confines the calling thread, and those it starts from now on, to `cpus`; to any where there are none.
pub fn confine_current_thread(cpus: &[usize]) {
    let mut set = rustix::thread::CpuSet::new();
    let known = cpus
        .iter()
        .filter(|&&cpu| cpu < rustix::thread::CpuSet::MAX_CPU);
    known.for_each(|&cpu| set.set(cpu));
    if set.count() > 0 {
        // Refused in some containers: the thread then runs where the system puts it.
        let _ = rustix::thread::sched_setaffinity(None, &set);
    }
}

/// While it lives, the thread that made it is confined, and so are for good the threads that it starts meanwhile.
#[derive(Debug)]
pub struct Confined {
    before: Vec<usize>,
}

impl Confined {
    /// Confines the calling thread to `cpus`; to any where there are none.
    pub fn to(cpus: &[usize]) -> Self {
        let before = cpus_allowed();
        confine_current_thread(cpus);
        Confined {
            before: before.into_iter().map(|cpu| cpu as usize).collect(),
        }
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        confine_current_thread(&self.before);
    }
}

/// Pins a thread of its own to each CPU, so that the caller's mask stays as it is. One CPU a thread:
/// a pinned thread is allowed no other CPU any more.
fn can_pin(cpus: &[u32]) -> bool {
    let can = |&cpu: &u32| {
        let thread = std::thread::Builder::new().spawn(move || pin_current_thread(cpu));
        thread.is_ok_and(|thread| thread.join().unwrap_or(false))
    };
    !cpus.is_empty() && cpus.iter().all(can)
}

fn siblings(allowed: &[u32]) -> Vec<Vec<u32>> {
    let mut groups: Vec<Vec<u32>> = allowed
        .iter()
        .filter_map(|cpu| read(&format!("{CPUS}/cpu{cpu}/topology/thread_siblings_list")))
        .map(|text| procfs::cpu_list(&text))
        .map(|group| {
            group
                .into_iter()
                .filter(|cpu| allowed.contains(cpu))
                .collect()
        })
        .filter(|group: &Vec<u32>| group.len() > 1)
        .collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// The size of the data or unified cache of that level.
fn cache(cpu: u32, level: &str) -> Option<u64> {
    (0..8).find_map(|index| {
        let file = |name: &str| read(&format!("{CPUS}/cpu{cpu}/cache/index{index}/{name}"));
        (file("level")?.trim() == level && file("type")?.trim() != "Instruction")
            .then(|| procfs::cache_bytes(&file("size")?))
            .flatten()
    })
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_is_readable() {
        let machine = Machine::read();
        assert!(!machine.cpus_allowed.is_empty());
        assert!(machine.cpus_allowed.is_sorted());
        assert!(!machine.kernel.is_empty());
        assert!(machine.memory.total_bytes >= machine.memory.available_bytes);
        assert!(machine.memory.total_bytes > 0);
        assert!(machine.cpu_time.is_some());
        assert!(machine.siblings.iter().all(|group| group.len() > 1));
    }

    #[test]
    fn no_cpu_cannot_be_pinned_to() {
        assert!(!can_pin(&[]));
        for none in [1_024, 100_000, u32::MAX] {
            assert!(!can_pin(&[none]), "{none}");
        }
    }

    #[test]
    fn trying_to_pin_leaves_the_caller_alone() {
        let before = cpus_allowed();
        can_pin(&before[..1]);
        assert_eq!(cpus_allowed(), before);
    }
}
