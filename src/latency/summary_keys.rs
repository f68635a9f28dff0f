//! Hot keys in `summary.json`: the keys that a stage gets most events of, and what they do to its partitions.

use serde::{Deserialize, Serialize};

/// A key with more than this share of a stage's events is listed.
pub const KEY_SHARE_LISTED: f64 = 0.01;
/// A partition with more than this share of what a core can carry cannot be balanced by placing it well.
const OF_A_CORE: f64 = 0.75;
/// One key is to blame where it has this share of the partition's events.
const TO_BLAME: f64 = 0.5;

/// The hot keys of one stage, found in a sample of what was sent to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HotKeys {
    /// Name of the stage.
    pub stage: String,
    /// Events that were sent to it by key.
    pub events: u64,
    /// Of these, in the sample.
    pub sampled: u64,
    /// No key that is not listed stands for more events in the sample.
    pub unlisted_count_max: u64,
    /// Whether hot keys may be split: "on" or "off".
    pub splitting: String,
    /// Keys with 1 % of the events or more, the largest count first; at most 32.
    pub keys: Vec<HotKey>,
}

/// One hot key. It stands for at least `count - error` and at most `count` events of the sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HotKey {
    /// The key.
    pub key: u64,
    /// Upper bound of its events, from the sample.
    pub count: u64,
    /// How far `count` may be above what the sample has.
    pub error: u64,
    /// `count / events`.
    pub share: f64,
    /// Two standard errors of `share`, for what a sample can say of all events.
    pub share_margin: f64,
    /// The partition it belongs to; `None` where it has no single one.
    pub partition: Option<u32>,
    /// Events of that partition over the mean of all partitions.
    pub partition_load: Option<f64>,
    /// Share of that partition's events that are of this key.
    pub partition_share: Option<f64>,
    /// Events of it that were sent while it was split over partitions.
    pub events_split: u64,
    /// Times it went on by another partition.
    pub moves: u64,
}

impl HotKeys {
    /// What to say where one key makes a partition, one of `partitions`, too heavy for any of `cores` cores.
    pub fn warnings(&self, cores: usize, partitions: usize) -> impl Iterator<Item = String> + '_ {
        let too_heavy = OF_A_CORE * partitions as f64 / cores.max(1) as f64;
        let heavy = move |key: &&HotKey| {
            cores > 1
                && key.events_split == 0
                && key.partition_load.is_some_and(|load| load >= too_heavy)
                && key.partition_share.is_some_and(|share| share >= TO_BLAME)
        };
        self.keys.iter().filter(heavy).map(|key| {
            format!(
                "stage {}: key {} has {:.0} % of the events, so partition {} carries {:.1}x the mean; more partitions do not help. Where the state can be merged (aggregate) partition.split_hot = \"on\" spreads it, else make its events fewer or its key finer",
                self.stage,
                key.key,
                100.0 * key.share,
                key.partition.unwrap_or(0),
                key.partition_load.unwrap_or(1.0),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(load: f64, share: f64, split: u64) -> HotKeys {
        HotKeys {
            stage: "totals".into(),
            keys: vec![HotKey {
                key: 17,
                share: 0.31,
                partition: Some(3),
                partition_load: Some(load),
                partition_share: Some(share),
                events_split: split,
                ..HotKey::default()
            }],
            ..HotKeys::default()
        }
    }

    #[test]
    fn a_warning_names_the_key_the_partition_and_the_remedy() {
        let warnings: Vec<String> = key(2.1, 0.6, 0).warnings(2, 4).collect();
        let [warning] = &warnings[..] else {
            panic!("one warning: {warnings:?}")
        };
        for part in [
            "totals",
            "key 17 has 31 %",
            "partition 3 carries 2.1x",
            "split_hot",
        ] {
            assert!(warning.contains(part), "{part:?} is not in {warning}");
        }
    }

    #[test]
    fn no_warning_where_the_key_is_split_or_not_to_blame() {
        assert_eq!(key(2.1, 0.6, 9).warnings(2, 4).count(), 0);
        assert_eq!(key(1.2, 0.6, 0).warnings(2, 4).count(), 0);
        assert_eq!(key(2.1, 0.1, 0).warnings(2, 4).count(), 0);
        // One core carries all partitions, whatever they carry.
        assert_eq!(key(2.1, 0.6, 0).warnings(1, 4).count(), 0);
    }
}
