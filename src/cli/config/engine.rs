//! `[runtime]`: how the engine is laid out.

use super::choice::{Idle, Order};
use super::error::ConfigError;
use super::settings::Settings;
use super::value::Auto;
use crate::schedule::Allocator;

/// More cores than any machine this is built for has; a larger number is a slip.
const CORES_LIMIT: u64 = 1024;
/// 1 Mi slots of 32 bytes are 32 MiB a ring: beyond any cache, so beyond any use.
const RING_SLOTS_LIMIT: u64 = 1 << 20;
/// A step longer than this many events holds up every other task of its core.
const BUDGET_LIMIT: u64 = 1 << 16;

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
        };
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
