//! The configuration of a run: one TOML schema, `config/default.toml`, in which every key has a default.
//!
//! Owned by the command line alone: the engine's own options are built from a [`Config`] by `job.rs`,
//! so that an embedding program never meets a file or a flag.
//!
//! Invariant: a `Config` that exists is valid on its own; what depends on the machine or on a file's
//! content is found out when the run starts.

mod balance;
mod checkpoint;
pub mod choice;
mod columns;
mod engine;
mod error;
mod failure;
mod journal;
mod load;
mod nearest;
mod origin;
mod output;
mod partition;
mod recommend;
mod schema;
mod settings;
mod source;
mod state;
pub mod value;

use crate::runtime::Control;
pub use balance::{BalanceSection, CtlSection, SOCKET};
pub use checkpoint::CheckpointSection;
pub use choice::App;
pub use engine::RuntimeSection;
pub use error::ConfigError;
pub use failure::{FAILED_EVENTS_FILE, FailureSection};
pub use journal::JournalSection;
pub use load::{LoadSection, PaceSection};
pub use origin::Origin;
pub use output::{ReportSection, SinkSection};
pub use partition::PartitionSection;
pub use recommend::RecommendSection;
pub use schema::DEFAULT_TOML;
pub use settings::Settings;
pub use source::{BAD_RECORDS_FILE, SAMPLE_LABELS, SAMPLE_TRACE, SourceSection};
pub use state::{CacheSection, StateSection};
use std::sync::Arc;
use std::time::Instant;

/// A valid configuration, by section.
#[derive(Clone, Debug)]
pub struct Config {
    /// The application.
    pub app: App,
    /// Seed of all randomness.
    pub seed: u64,
    /// `[source]`.
    pub source: SourceSection,
    /// `[pace]`.
    pub pace: PaceSection,
    /// `[load]`.
    pub load: LoadSection,
    /// `[partition]`.
    pub partition: PartitionSection,
    /// `[runtime]`.
    pub runtime: RuntimeSection,
    /// `[balance]`.
    pub balance: BalanceSection,
    /// `[ctl]`.
    pub ctl: CtlSection,
    /// `[state]`.
    pub state: StateSection,
    /// `[checkpoint]`.
    pub checkpoint: CheckpointSection,
    /// `[journal]`.
    pub journal: JournalSection,
    /// `[cache]`.
    pub cache: CacheSection,
    /// `[failure]`.
    pub failure: FailureSection,
    /// `[sink]`.
    pub sink: SinkSection,
    /// `[report]`.
    pub report: ReportSection,
    /// `[recommend]`.
    pub recommend: RecommendSection,
    /// Not a setting: the run repeats another, at full speed, up to so many events.
    pub repeats: Option<u64>,
    /// Not a setting: the way to control the run, where a socket leads to it.
    pub control: Option<Arc<Control>>,
    /// Not a setting: when this was read. The time to the first result counts from here.
    pub read_at: Instant,
    /// The same as it was given; see [`Config::to_toml`].
    settings: Settings,
}

impl Config {
    /// Reads and validates all settings.
    ///
    /// # Errors
    /// The first setting that has the wrong type or lies outside its limits.
    pub fn read(settings: Settings) -> Result<Config, ConfigError> {
        Ok(Config {
            app: settings.get("app")?,
            seed: settings.get("seed")?,
            source: SourceSection::read(&settings)?,
            pace: PaceSection::read(&settings)?,
            load: LoadSection::read(&settings)?,
            partition: PartitionSection::read(&settings)?,
            runtime: RuntimeSection::read(&settings)?,
            balance: BalanceSection::read(&settings)?,
            ctl: CtlSection::read(&settings)?,
            state: StateSection::read(&settings)?,
            checkpoint: CheckpointSection::read(&settings)?,
            journal: JournalSection::read(&settings)?,
            cache: CacheSection::read(&settings)?,
            failure: FailureSection::read(&settings)?,
            sink: SinkSection::read(&settings)?,
            report: ReportSection::read(&settings)?,
            recommend: RecommendSection::read(&settings)?,
            repeats: None,
            control: None,
            read_at: Instant::now(),
            settings,
        })
    }

    /// The resolved configuration with its comments; `millstream run` of it is the same run.
    pub fn to_toml(&self) -> String {
        self.settings.to_toml()
    }

    /// The settings as given, for messages that name where one came from.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

#[cfg(test)]
mod tests;
