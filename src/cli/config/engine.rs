//! `[runtime]`: how the engine is laid out.

use super::choice::{Idle, Order};
use super::error::ConfigError;
use super::settings::Settings;
use super::value::{Auto, Setting};
use crate::schedule::Allocator;

/// More cores than any machine this is built for has; a larger number is a slip.
const CORES_LIMIT: u64 = 1024;
/// The kernel has at most 8,192 CPUs.
const CPUS_LIMIT: u32 = 8_192;
/// 1 Mi slots of 32 bytes are 32 MiB a ring: beyond any cache, so beyond any use.
const RING_SLOTS_LIMIT: u64 = 1 << 20;
/// A step longer than this many events holds up every other task of its core.
const BUDGET_LIMIT: u64 = 1 << 16;

/// CPUs in the order of their cores, as "2,3,6" or "4-7".
#[derive(Clone, Debug, PartialEq, Eq)]
struct CpuList(Vec<u32>);

impl Setting for CpuList {
    const EXPECTED: &'static str = "numbers of CPUs such as \"2,3,6\" or \"4-7\", or \"auto\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u32>().ok().filter(|n| *n < CPUS_LIMIT);
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(number(first)?..=number(last)?).filter(|range| !range.is_empty())
        };
        let mut cpus = Vec::new();
        for part in text.split(',') {
            cpus.extend(range(part).ok_or_else(|| format!("{part:?} is none"))?);
        }
        Ok(CpuList(cpus))
    }
}

/// `[runtime]`.
#[derive(Clone, Debug)]
pub struct RuntimeSection {
    /// Cores to run on.
    pub cores: Auto<u64>,
    /// Partitions of each keyed stage; held to their limits with `[partition]`.
    pub partitions: Auto<u64>,
    /// In which order a task with several inputs takes its events.
    pub order: Order,
    /// How tasks are allocated to cores.
    pub allocate: Allocator,
    /// What a core does with nothing to do.
    pub idle: Idle,
    /// Slots of each ring.
    pub ring_slots: Auto<u64>,
    /// Events a task takes up in one step.
    pub budget: Auto<u64>,
    /// Whether threads are pinned to CPUs.
    pub pin: bool,
    /// The CPU of each core; empty: the engine chooses.
    pub cpus: Vec<u32>,
}

impl RuntimeSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let section = RuntimeSection {
            cores: settings.get("runtime.cores")?,
            partitions: settings.get("runtime.partitions")?,
            order: settings.get("runtime.order")?,
            allocate: settings.get("runtime.allocate")?,
            idle: settings.get("runtime.idle")?,
            ring_slots: settings.get("runtime.ring_slots")?,
            budget: settings.get("runtime.budget")?,
            pin: settings.get("runtime.pin")?,
            cpus: settings
                .get::<Auto<CpuList>>("runtime.cpus")?
                .given()
                .map_or_else(Vec::new, |list| list.0),
        };
        if !section.cpus.is_empty() && !section.pin {
            let help = "set runtime.pin = true, or leave runtime.cpus at \"auto\"";
            return Err(settings.refuse("runtime.cpus", "threads that are pinned", help));
        }
        if let Auto::Given(cores) = section.cores {
            let help = "one core runs everything and is often the fastest; \"auto\" chooses";
            settings.within("runtime.cores", cores, 1..=CORES_LIMIT, help)?;
        }
        if let Auto::Given(slots) = section.ring_slots {
            let help = "all rings of a core together should fit its L2 cache; \"auto\" sees to it";
            settings.within("runtime.ring_slots", slots, 1..=RING_SLOTS_LIMIT, help)?;
        }
        if let Auto::Given(budget) = section.budget {
            let help =
                "a larger budget gives throughput, a smaller one fairness; \"auto\" balances";
            settings.within("runtime.budget", budget, 1..=BUDGET_LIMIT, help)?;
        }
        Ok(section)
    }
}
