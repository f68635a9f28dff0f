//! `[pace]` and `[load]`: when a trace's events are due, and what the generator offers.

use super::error::ConfigError;
use super::settings::Settings;
use super::value::DurationNs;
use crate::source::load::{Arrivals, KeyDistribution, ValuePattern};
use crate::source::pace::Speed;
use crate::sys::rate::Rate;

/// Longer than any run, in ns: a year.
const DURATION_LIMIT_NS: u64 = 365 * 86_400 * 1_000_000_000;

/// `[pace]`.
#[derive(Clone, Debug)]
pub struct PaceSection {
    /// How many times faster than its stamps the trace is played.
    pub speed: Speed,
    /// Events a second in place of the stamps.
    pub rate: Option<Rate>,
    /// How often the trace is played.
    pub loops: u64,
    /// Longest pause between two events, ns of the trace's time.
    pub max_gap_ns: Option<u64>,
}

impl PaceSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let loops = settings.get("pace.loop")?;
        settings.within(
            "pace.loop",
            loops,
            1..=1_000_000_000,
            "1 plays the trace once",
        )?;
        let rate: Option<Rate> = settings.get("pace.rate")?;
        let max_gap_ns = settings
            .get::<Option<DurationNs>>("pace.max_gap")?
            .map(|gap| gap.0);
        if max_gap_ns == Some(0) {
            return Err(settings.refuse(
                "pace.max_gap",
                "a duration above 0, or \"none\"",
                "`pace.speed = \"max\"` replays without any pause",
            ));
        }
        Ok(PaceSection {
            speed: settings.get("pace.speed")?,
            rate,
            loops,
            max_gap_ns,
        })
    }
}

/// `[load]`.
#[derive(Clone, Debug)]
pub struct LoadSection {
    /// Distribution of keys.
    pub keys: KeyDistribution,
    /// How values are drawn.
    pub values: ValuePattern,
    /// How due times follow each other.
    pub arrivals: Arrivals,
    /// Rate offered.
    pub rate: Rate,
    /// How long load is offered, ns.
    pub duration_ns: u64,
    /// How many events are offered, in place of the duration.
    pub events: Option<u64>,
}

impl LoadSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let rate: Rate = settings.get("load.rate")?;
        let DurationNs(duration_ns) = settings.get("load.duration")?;
        if !(1..=DURATION_LIMIT_NS).contains(&duration_ns) {
            return Err(settings.refuse(
                "load.duration",
                "a duration above 0 and up to a year",
                "10s is enough for a p99.99 at 100k events/s",
            ));
        }
        let events: Option<u64> = settings.get("load.events")?;
        if events == Some(0) {
            return Err(settings.refuse(
                "load.events",
                "a count from 1, or \"none\"",
                "\"none\" goes by load.duration",
            ));
        }
        Ok(LoadSection {
            keys: settings.get("load.keys")?,
            values: settings.get("load.values")?,
            arrivals: settings.get("load.arrivals")?,
            rate,
            duration_ns,
            events,
        })
    }
}
