//! `[state]` and `[cache]`: how much memory state and computed answers may take, and how long state lives.

use super::choice::StatePolicy;
use super::error::ConfigError;
use super::output::ReportSection;
use super::settings::Settings;
use super::value::{Auto, Bytes, DurationNs};
use std::path::PathBuf;

/// 4 Gi keys of 64 bytes are 256 GiB.
const KEYS_LIMIT: u64 = 1 << 32;
/// One set of sixteen small entries and its line: less is not a table.
const MEMORY_MIN_BYTES: u64 = 4096;

/// 64 Mi answers are 8 GiB: more than the lists they are computed from.
const ANSWERS_LIMIT: u64 = 1 << 26;

/// `[state]`.
#[derive(Clone, Debug)]
pub struct StateSection {
    /// Keys that the tables are sized for at the start.
    pub expected_keys: Auto<u64>,
    /// Memory for keyed state, bytes; `None` keeps all of it in memory.
    pub memory_bytes: Option<u64>,
    /// Which entry makes room for another.
    pub policy: StatePolicy,
    /// Directory of the files, or "auto"; see [`StateSection::dir`].
    pub dir: String,
    /// Time to live, ns of event time; `None` is for ever.
    pub ttl_ns: Option<u64>,
}

impl StateSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let section = StateSection {
            expected_keys: settings.get("state.expected_keys")?,
            memory_bytes: settings
                .get::<Option<Bytes>>("state.memory")?
                .map(|bytes| bytes.0),
            policy: settings.get("state.policy")?,
            dir: settings.get("state.dir")?,
            ttl_ns: settings
                .get::<Option<DurationNs>>("state.ttl")?
                .map(|ttl| ttl.0),
        };
        if let Auto::Given(keys) = section.expected_keys {
            let help = "each key costs 64 bytes or more at once; \"auto\" grows as keys come";
            settings.within("state.expected_keys", keys, 1..=KEYS_LIMIT, help)?;
            if section.memory_bytes.is_some() {
                return Err(settings.refuse(
                    "state.expected_keys",
                    "\"auto\" where state.memory bounds the tables",
                    "bounded tables have their full size from the start",
                ));
            }
        }
        if section
            .memory_bytes
            .is_some_and(|bytes| bytes < MEMORY_MIN_BYTES)
        {
            return Err(settings.refuse(
                "state.memory",
                "a size of 4 KiB or more, or \"none\"",
                "`millstream cache TRACE` shows what a size is worth",
            ));
        }
        if section.ttl_ns == Some(0) {
            return Err(settings.refuse(
                "state.ttl",
                "a duration above 0, or \"none\"",
                "\"1h\" forgets keys that were quiet for an hour of event time",
            ));
        }
        if section.dir.is_empty() {
            return Err(settings.refuse(
                "state.dir",
                "the path of a directory",
                "\"auto\" is state in report.out",
            ));
        }
        Ok(section)
    }

    /// The directory of the files of bounded state.
    pub fn dir(&self, report: &ReportSection) -> PathBuf {
        if self.dir == "auto" {
            report.out.join("state")
        } else {
            PathBuf::from(&self.dir)
        }
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
