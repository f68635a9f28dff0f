//! `[recommend]`: the recommendation flow.

use super::error::ConfigError;
use super::settings::Settings;
use super::value::DurationNs;

/// `[recommend]`.
#[derive(Clone, Debug)]
pub struct RecommendSection {
    /// Answers to each event.
    pub top_n: u64,
    /// Recent items remembered of each user.
    pub history: u64,
    /// Neighbours kept of each item.
    pub neighbours: u64,
    /// Time after which a co-visit counts half, ns of event time; `None` never forgets.
    pub half_life_ns: Option<u64>,
}

impl RecommendSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let section = RecommendSection {
            top_n: settings.get("recommend.top_n")?,
            history: settings.get("recommend.history")?,
            neighbours: settings.get("recommend.neighbours")?,
            half_life_ns: settings
                .get::<Option<DurationNs>>("recommend.half_life")?
                .map(|d| d.0),
        };
        let help = "recall@20 and MRR@20 are measured over 20 answers";
        settings.within("recommend.top_n", section.top_n, 1..=100, help)?;
        let help = "20 recent items are enough for nearly every user";
        settings.within("recommend.history", section.history, 1..=256, help)?;
        let help = "each neighbour costs 12 bytes an item; 64 is the default";
        settings.within("recommend.neighbours", section.neighbours, 1..=1024, help)?;
        if section.half_life_ns == Some(0) {
            return Err(settings.refuse(
                "recommend.half_life",
                "a duration above 0, or \"none\"",
                "a short one such as \"1h\" follows fashions; \"none\" never forgets",
            ));
        }
        Ok(section)
    }
}
