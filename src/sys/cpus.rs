//! The CPUs of the machine: which share a physical core, a cache, a node of memory; and the order in which
//! a run takes them.
//!
//! ```text
//!   isolated before others            the system's own work keeps off them
//!   a physical core's first CPU       two busy CPUs of one core slow each other by a third to a half
//!     before another of its CPUs
//!   performance before efficiency     as `cpu_atom` or `cpu_capacity` tell them apart
//!   the cache in use before others    a ring between two cores lives in the cache they share
//!   the node in use before others,    so does memory; by the distances that the firmware gives
//!     then the nearest
//!   where most CPUs are left          the whole run may find room there
//!   the highest number                the system's own work likes CPU 0
//! ```
//!
//! Plain data, filled from `/sys` or from the text of one ([`Cpus::from_text`]), so that larger machines than the
//! one at hand can be tried. What cannot be read is taken to be one cache, one node, cores of one CPU.

use super::procfs::{cpu_list, cpu_list_text};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const CPU: &str = "devices/system/cpu";
const NODE: &str = "devices/system/node";
/// Levels and types of cache that a CPU may list.
const CACHES_MAX: usize = 8;
/// A CPU that can do less than this share of what the best can is one for efficiency. Cores of one kind differ by
/// a tenth at most, where some may run at higher frequencies.
const CAPACITY_SHARE: f64 = 0.8;

/// One CPU, and what it shares with others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cpu {
    /// Its number.
    pub cpu: u32,
    /// The lowest number of the CPUs of its physical core.
    pub core: u32,
    /// The lowest number of the CPUs that share its last-level cache.
    pub cache: u32,
    /// Its node of memory.
    pub node: u32,
    /// Whether the scheduler leaves it alone.
    pub isolated: bool,
    /// Whether it is made for efficiency, where others are made for performance.
    pub efficient: bool,
}

/// CPUs that a run may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cpus {
    /// Each of them, by rising number.
    pub cpus: Vec<Cpu>,
    /// How far node is from node: `[a][b]`, 10 is near. Empty where there is one, or it is not known.
    pub distances: Vec<Vec<u32>>,
}

impl Cpus {
    /// What `/sys` says of those `allowed`.
    pub fn read(allowed: &[u32]) -> Self {
        Cpus::from_files(allowed, |path| {
            fs::read_to_string(format!("/sys/{path}")).ok()
        })
    }

    /// What a text says of all CPUs in it that are online: a line is a file below `/sys`, a space, and what
    /// it says; lines with `#` are for people.
    pub fn from_text(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let files: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once(' ')).collect();
        let online = files.get("devices/system/cpu/online").copied();
        let read = |path: &str| files.get(path).map(|said| said.to_string());
        Cpus::from_files(&cpu_list(online.unwrap_or_default()), read)
    }

    fn from_files(allowed: &[u32], read: impl Fn(&str) -> Option<String>) -> Self {
        let list = |path: &str| read(path).map_or(Vec::new(), |text| cpu_list(&text));
        let nodes = list(&format!("{NODE}/online"));
        let of_node: Vec<(u32, Vec<u32>)> = nodes
            .iter()
            .map(|node| (*node, list(&format!("{NODE}/node{node}/cpulist"))))
            .collect();
        let isolated = list(&format!("{CPU}/isolated"));
        let atoms = list("devices/cpu_atom/cpus");
        let capacity = |cpu: u32| -> Option<f64> {
            read(&format!("{CPU}/cpu{cpu}/cpu_capacity"))?
                .trim()
                .parse()
                .ok()
        };
        let capacities: Vec<Option<f64>> = allowed.iter().map(|cpu| capacity(*cpu)).collect();
        let most = capacities.iter().flatten().copied().fold(0.0, f64::max);
        let one = |(&cpu, capacity): (&u32, &Option<f64>)| {
            let siblings = list(&format!("{CPU}/cpu{cpu}/topology/thread_siblings_list"));
            let has = |(_, cpus): &&(u32, Vec<u32>)| cpus.contains(&cpu);
            Cpu {
                cpu,
                core: siblings.first().copied().unwrap_or(cpu),
                cache: last_level(cpu, &list, &read),
                node: of_node.iter().find(has).map_or(0, |(node, _)| *node),
                isolated: isolated.contains(&cpu),
                efficient: atoms.contains(&cpu)
                    || capacity.is_some_and(|capacity| capacity < CAPACITY_SHARE * most),
            }
        };
        let row = |node: &u32| -> Vec<u32> {
            let text = read(&format!("{NODE}/node{node}/distance")).unwrap_or_default();
            text.split_whitespace()
                .filter_map(|n| n.parse().ok())
                .collect()
        };
        let is_numbered = nodes.iter().zip(0..).all(|(node, place)| *node == place);
        Cpus {
            cpus: allowed.iter().zip(&capacities).map(one).collect(),
            distances: match is_numbered && nodes.len() > 1 {
                true => nodes.iter().map(row).collect(),
                false => Vec::new(),
            },
        }
    }

    /// All of them, those to be used first first.
    pub fn order(&self) -> Vec<u32> {
        let mut left: Vec<&Cpu> = self.cpus.iter().collect();
        let mut order: Vec<&Cpu> = Vec::with_capacity(left.len());
        let (mut cores, mut caches, mut nodes) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        while !left.is_empty() {
            let rank = |cpu: &Cpu| (!cpu.isolated, cores.contains(&cpu.core), cpu.efficient);
            let mut room = BTreeMap::new();
            for cpu in &left {
                *room.entry((rank(cpu), cpu.cache)).or_insert(0_usize) += 1;
            }
            let key = |cpu: &Cpu| {
                let rank = rank(cpu);
                let far = order
                    .first()
                    .map_or(0, |first| self.distance(first.node, cpu.node));
                let room = room.get(&(rank, cpu.cache)).copied().unwrap_or(0);
                let unused = (!caches.contains(&cpu.cache), !nodes.contains(&cpu.node));
                (rank, unused, far, usize::MAX - room, u32::MAX - cpu.cpu)
            };
            let Some(best) = (0..left.len()).min_by_key(|&index| key(left[index])) else {
                break;
            };
            let cpu = left.remove(best);
            cores.insert(cpu.core);
            caches.insert(cpu.cache);
            nodes.insert(cpu.node);
            order.push(cpu);
        }
        order.iter().map(|cpu| cpu.cpu).collect()
    }

    fn distance(&self, from: u32, to: u32) -> u32 {
        let row = self.distances.get(from as usize);
        let known = row.and_then(|row| row.get(to as usize)).copied();
        known.unwrap_or(if from == to { 10 } else { 20 })
    }

    /// The CPUs of the node on which all of `used` lie; `None` where they lie on several, or there is but
    /// one. Memory that a thread confined to them touches first comes from that node.
    pub fn only_node_of(&self, used: &[u32]) -> Option<Vec<usize>> {
        let node_of = |number: u32| {
            self.cpus
                .iter()
                .find(|cpu| cpu.cpu == number)
                .map(|cpu| cpu.node)
        };
        let node = node_of(*used.first()?)?;
        if used.iter().any(|cpu| node_of(*cpu) != Some(node)) {
            return None;
        }
        let (near, far): (Vec<&Cpu>, Vec<&Cpu>) =
            self.cpus.iter().partition(|cpu| cpu.node == node);
        (!far.is_empty()).then(|| near.iter().map(|cpu| cpu.cpu as usize).collect())
    }

    /// How many physical cores, last-level caches and nodes these CPUs are of.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |of: fn(&Cpu) -> u32| self.cpus.iter().map(of).collect::<BTreeSet<_>>().len();
        (
            count(|cpu| cpu.core),
            count(|cpu| cpu.cache),
            count(|cpu| cpu.node),
        )
    }
}

/// Why a run cannot have the CPUs it asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuError {
    /// Not there, or switched off.
    #[error(
        "CPU {cpu} is not one of this machine, which has {online}: name others, or leave it to the engine with cpus = \"auto\""
    )]
    Absent {
        /// Which.
        cpu: u32,
        /// Those there are.
        online: String,
    },
    /// More cores than CPUs.
    #[error("{cores} cores need {cores} CPUs, and {} given: name more, or ask for fewer cores", match cpus { 1 => "1 is".into(), more => format!("{more} are") })]
    TooFew {
        /// Cores asked for.
        cores: usize,
        /// CPUs given.
        cpus: usize,
    },
    /// The same twice.
    #[error("CPU {cpu} is named twice: each core needs one of its own")]
    Twice {
        /// Which.
        cpu: u32,
    },
}

/// Whether the CPUs `given` to a run of so many `cores` will do on a machine where those `online` are; none given
/// always will, and where nothing is known of `online`, any.
///
/// # Errors
/// When one is absent or named twice, or there are too few.
pub fn check_given(given: &[u32], cores: usize, online: &[u32]) -> Result<(), CpuError> {
    let mut seen = BTreeSet::new();
    for &cpu in given {
        if !online.is_empty() && !online.contains(&cpu) {
            let online = cpu_list_text(online);
            return Err(CpuError::Absent { cpu, online });
        }
        if !seen.insert(cpu) {
            return Err(CpuError::Twice { cpu });
        }
    }
    let cpus = given.len();
    if cpus > 0 && cpus < cores {
        return Err(CpuError::TooFew { cores, cpus });
    }
    Ok(())
}

/// The lowest CPU that shares the highest level of cache with `cpu`; 0 where no cache is known.
fn last_level(
    cpu: u32,
    list: &impl Fn(&str) -> Vec<u32>,
    read: &impl Fn(&str) -> Option<String>,
) -> u32 {
    let level = |index: usize| -> Option<(u32, u32)> {
        let file = |name: &str| format!("{CPU}/cpu{cpu}/cache/index{index}/{name}");
        let level = read(&file("level"))?.trim().parse().ok()?;
        let holds_data = read(&file("type"))?.trim() != "Instruction";
        let first = *list(&file("shared_cpu_list")).first()?;
        holds_data.then_some((level, first))
    };
    let levels = (0..CACHES_MAX).filter_map(level);
    levels
        .max_by_key(|(level, _)| *level)
        .map_or(0, |(_, first)| first)
}

#[cfg(test)]
#[path = "cpus_tests.rs"]
mod tests;
