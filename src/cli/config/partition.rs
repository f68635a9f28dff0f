//! `[partition]`: who owns a key.

use super::choice::SplitHot;
use super::error::ConfigError;
use super::settings::Settings;
use super::value::{Auto, DurationNs, Setting};
use crate::flow::PARTITIONS_MAX;
use crate::partition::{Partitioning, Scheme};

/// `[partition]`.
#[derive(Clone, Debug)]
pub struct PartitionSection {
    /// What decides the partition of an event.
    pub scheme: Scheme,
    /// For `range`: the first key of each partition but the first; `None` splits evenly.
    pub boundaries: Option<Vec<u64>>,
    /// For `range` without boundaries: the largest key expected; `Auto` takes all there can be.
    pub max_key: Auto<u64>,
    /// For `time`: the length of a slice, ns.
    pub slice_ns: u64,
    /// Whether the events of a hot key go to several partitions.
    pub split_hot: SplitHot,
}

impl PartitionSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let section = PartitionSection {
            scheme: settings.get("partition.scheme")?,
            boundaries: settings
                .get::<Option<Boundaries>>("partition.boundaries")?
                .map(|b| b.0),
            max_key: settings.get("partition.max_key")?,
            slice_ns: settings.get::<DurationNs>("partition.slice")?.0,
            split_hot: settings.get("partition.split_hot")?,
        };
        // With "auto" partitions the engine chooses a number that fits; given ones must fit now.
        let partitions: Auto<u64> = settings.get("runtime.partitions")?;
        let help = "about four a core are best, each is a ring to poll; \"auto\" chooses";
        if let Auto::Given(partitions) = partitions {
            let limits = 1..=PARTITIONS_MAX as u64;
            settings.within("runtime.partitions", partitions, limits, help)?;
        }
        let given = partitions
            .given()
            .and_then(|partitions| u32::try_from(partitions).ok());
        let partitions = given.or_else(|| {
            let borders = section.boundaries.as_ref()?.len();
            u32::try_from(borders + 1).ok()
        });
        let built = partitions.map(|partitions| section.partitioning(partitions).build(0));
        if let Some(Err(error)) = built {
            let help = error.to_string();
            return Err(settings.refuse(
                "partition.scheme",
                "a scheme that fits its settings",
                help,
            ));
        }
        Ok(section)
    }

    /// The same for a stage of `partitions` partitions.
    pub fn partitioning(&self, partitions: u32) -> Partitioning {
        Partitioning {
            scheme: self.scheme,
            partitions,
            boundaries: self.boundaries.clone().unwrap_or_default(),
            max_key: self.max_key.given().unwrap_or(u64::MAX),
            slice_ns: self.slice_ns,
        }
    }
}

impl Setting for Scheme {
    const EXPECTED: &'static str = "one of \"hash\", \"random\", \"range\", \"time\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse::<Scheme>().map_err(|error| error.to_string())
    }
}

/// Keys, as "1000,2000" or as an array.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Boundaries(Vec<u64>);

impl Setting for Boundaries {
    const EXPECTED: &'static str = "rising keys such as \"1000,2000\", or \"none\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(|key| u64::from_text(key.trim()))
            .collect::<Result<_, _>>()
            .map(Boundaries)
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::config::{Config, Settings};

    fn laid(file: &str) -> Result<Config, String> {
        let mut settings = Settings::default();
        settings.lay_file("test.toml", file).expect("known keys");
        Config::read(settings).map_err(|error| crate::cli::error::CliError::from(error).to_string())
    }

    #[test]
    fn a_scheme_must_fit_its_settings() {
        let fits = "[partition]\nscheme = \"range\"\nboundaries = \"10,20\"\n";
        let config = laid(fits).expect("three partitions");
        assert_eq!(config.partition.partitioning(3).boundaries, [10, 20]);
        for (file, part) in [
            (
                format!("{fits}[runtime]\npartitions = 4\n"),
                "2 boundaries for 4 partitions",
            ),
            (
                "[partition]\nscheme = \"range\"\nboundaries = \"20,10\"".into(),
                "rising",
            ),
            (
                "[partition]\nscheme = \"content\"\n[runtime]\npartitions = 4".into(),
                "function",
            ),
            ("[partition]\nscheme = \"hsah\"".into(), "`hash`"),
        ] {
            let message = laid(&file).expect_err(&file);
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    }
}
