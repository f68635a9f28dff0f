//! `[runtime]`, `[state]` and `[cache]`: how the engine is laid out.

use super::choice::Idle;
use super::error::ConfigError;
use super::settings::Settings;
use super::value::Auto;

/// More cores than any machine this is built for has; a larger number is a slip.
const CORES_LIMIT: u64 = 1024;
/// 1 Mi slots of 32 bytes are 32 MiB a ring: beyond any cache, so beyond any use.
const RING_SLOTS_LIMIT: u64 = 1 << 20;
/// A step longer than this many events holds up every other task of its core.
const BUDGET_LIMIT: u64 = 1 << 16;
/// 4 Gi keys of 64 bytes are 256 GiB.
const KEYS_LIMIT: u64 = 1 << 32;
/// 64 Mi answers are 8 GiB: more than the lists they are computed from.
const ANSWERS_LIMIT: u64 = 1 << 26;

/// `[runtime]`.
#[derive(Clone, Debug)]
pub struct RuntimeSection {
    /// Cores to run on.
    pub cores: Auto<u64>,
    /// Partitions of each keyed stage; held to their limits with `[partition]`.
    pub partitions: Auto<u64>,
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

/// `[state]`.
#[derive(Clone, Debug)]
pub struct StateSection {
    /// Keys that the tables are sized for at the start.
    pub expected_keys: Auto<u64>,
}

impl StateSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let section = StateSection {
            expected_keys: settings.get("state.expected_keys")?,
        };
        if let Auto::Given(keys) = section.expected_keys {
            let help = "each key costs 64 bytes or more at once; \"auto\" grows as keys come";
            settings.within("state.expected_keys", keys, 1..=KEYS_LIMIT, help)?;
        }
        Ok(section)
    }
}

/// `[cache]`.
#[derive(Clone, Debug)]
pub struct CacheSection {
    /// Computed answers that are kept; `None` keeps none.
    pub answers: Option<u64>,
}

impl CacheSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let section = CacheSection {
            answers: settings.get("cache.answers")?,
        };
        if let Some(answers) = section.answers {
            let help = "each takes about 100 bytes at once; \"none\" keeps none";
            settings.within("cache.answers", answers, 1..=ANSWERS_LIMIT, help)?;
        }
        Ok(section)
    }
}
