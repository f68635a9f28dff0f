//! `[recommend]`: the recommendation flow.

use super::error::ConfigError;
use super::settings::Settings;
use super::value::DurationNs;

/// Most answers to one event: the answer is a message of fixed size.
const TOP_N_LIMIT: u64 = 20;

/// `[recommend]`.
#[derive(Clone, Debug)]
pub struct RecommendSection {
    /// Answers to each event.
    pub top_n: u64,
    /// Time after which a link between items counts half, ns of event time; `None` never forgets.
    pub half_life_ns: Option<u64>,
}

impl RecommendSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let top_n = settings.get("recommend.top_n")?;
        let help = "recall@20 and MRR@20 are measured over 20 answers";
        settings.within("recommend.top_n", top_n, 1..=TOP_N_LIMIT, help)?;
        let half_life_ns = settings
            .get::<Option<DurationNs>>("recommend.half_life")?
            .map(|life| life.0);
        if half_life_ns == Some(0) {
            let help = "a short one such as \"1h\" follows fashions; \"none\" never forgets";
            let expected = "a duration above 0, or \"none\"";
            return Err(settings.refuse("recommend.half_life", expected, help));
        }
        Ok(RecommendSection {
            top_n,
            half_life_ns,
        })
    }
}
