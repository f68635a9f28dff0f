//! Hot keys in `summary.json`: the keys that a stage gets most events of, and what they do to its partitions.

use super::summary::Summary;
use serde::{Deserialize, Serialize};

/// A key with more than this share of a stage's events is listed.
pub const KEY_SHARE_LISTED: f64 = 0.01;
/// From this share of its time on a core has none left: what it is busy for is rounded by pauses and by its last round.
const BUSY: f64 = 0.9;
/// What folding an event of a split key takes from its sender, beyond what the event takes unsplit, ns: `aggregate` with
/// 90 % on one key does 76.7 M events/s split on two cores where both spend 17.6 ns on an event (docs/hot_keys.md).
const FOLD_NS: f64 = 10.0;
/// How much lighter the busiest core has to become, by an estimate, for splitting to be advised.
const WORTH: f64 = 1.2;

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
    /// Whether hot keys may be split: "on", "off", or "impossible" where what the run does stands against it.
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

impl Summary {
    /// What to say of each key that takes more than a core's share of all work by itself, where the run had no time
    /// left on its busiest core: no placement makes that core lighter than the key.
    pub fn hot_key_warnings(&self) -> Vec<String> {
        let cores = self.cores.len();
        let work = self.tasks.iter().map(|task| task.load).sum::<f64>();
        let busiest = self.cores.iter().map(|core| core.busy_share);
        let busiest = busiest.fold(0.0, f64::max);
        // A core that keeps a pace may be busy all the time because it takes events up one by one.
        let keeps_pace = self.schedule.asked_events_per_s.is_some() && self.schedule.kept;
        if cores < 2 || busiest < BUSY || keeps_pace {
            return Vec::new();
        }
        let keys = self.hot_keys.iter();
        let keys = keys.flat_map(|stage| stage.keys.iter().map(move |key| (stage, key)));
        let loads = keys.filter_map(|(stage, key)| Some((stage, key, self.load_of(stage, key)?)));
        let heavy = loads.filter(|(.., load)| *load > work / cores as f64);
        let warning = |(stage, key, load): (&HotKeys, &HotKey, f64)| {
            format!(
                "stage {}: key {} alone takes {:.0} % of the work of all tasks, where an even share for each of {cores} cores is {:.0} %, and the busiest core had work {:.0} % of the time: wherever tasks are placed, one core has all of that key; {}",
                stage.stage,
                key.key,
                100.0 * load / work,
                100.0 / cores as f64,
                100.0 * busiest,
                self.advice(stage, key, load, work),
            )
        };
        heavy.map(warning).collect()
    }

    /// The share of a core's time that a whole key took, for the events that are certainly its own.
    fn load_of(&self, keys: &HotKeys, key: &HotKey) -> Option<f64> {
        if key.events_split > 0 {
            return None;
        }
        let stage = self.stages.iter().find(|stage| stage.name == keys.stage)?;
        let name = match stage.partitions {
            1 => stage.name.clone(),
            _ => format!("{} {}", stage.name, key.partition?),
        };
        let task = self.tasks.iter().find(|task| task.task == name)?;
        let certain = key.count.saturating_sub(key.error) as f64 / key.count.max(1) as f64;
        Some(task.load * key.partition_share? * certain)
    }

    /// What helps: to split the key only where that can be done, and pays by an estimate.
    fn advice(&self, keys: &HotKeys, key: &HotKey, load: f64, work: f64) -> &'static str {
        if keys.splitting != "off" {
            return "a finer key, or fewer of its events, would help";
        }
        let of_stage = self.stages.iter().find(|stage| stage.name == keys.stage);
        let before = work - of_stage.map_or(0.0, |stage| stage.load);
        let folding = key.count as f64 * FOLD_NS / self.elapsed_ns.max(1) as f64;
        let even = (work + folding) / self.cores.len() as f64;
        if load > WORTH * even.max(before + folding) {
            "partition.split_hot = \"on\" has several partitions share its events, with the same results (docs/hot_keys.md)"
        } else {
            "a finer key, or fewer of its events, would help; to split it (partition.split_hot) would not, since its events cost the stage too little beside what folding them costs their sender"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary::{CoreSummary, Schedule, StageSummary};
    use super::super::summary_balance::TaskSummary;
    use super::*;

    /// A second on two cores at full speed: ten million events, of which the source takes 0.1 of a core's time, the four
    /// partitions of the stage `stage` of it, and partition 3 all of that but 0.1. All of its events are of key 17.
    fn summary(stage: f64) -> Summary {
        let task = |task: &str, load| TaskSummary {
            task: task.into(),
            load,
            ..TaskSummary::default()
        };
        let core = |busy_share| CoreSummary {
            busy_share,
            ..CoreSummary::default()
        };
        Summary {
            elapsed_ns: 1_000_000_000,
            cores: vec![core(0.2), core(0.97)],
            tasks: vec![
                task("readings", 0.1),
                task("totals 0", 0.1),
                task("totals 3", stage - 0.1),
            ],
            stages: vec![StageSummary {
                name: "totals".into(),
                partitions: 4,
                load: stage,
                ..StageSummary::default()
            }],
            hot_keys: vec![HotKeys {
                stage: "totals".into(),
                splitting: "off".into(),
                keys: vec![HotKey {
                    key: 17,
                    count: 9_000_000,
                    partition: Some(3),
                    partition_share: Some(1.0),
                    ..HotKey::default()
                }],
                ..HotKeys::default()
            }],
            ..Summary::default()
        }
    }

    fn one(summary: &Summary) -> String {
        let mut warnings = summary.hot_key_warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        warnings.remove(0)
    }

    #[test]
    fn a_key_with_more_than_a_core_can_have_is_warned_of_with_what_is_known() {
        // The key has 0.8 of 1.0, which is too much for one of two cores.
        let warning = one(&summary(0.9));
        for part in [
            "stage totals: key 17 alone takes 80 %",
            "each of 2 cores",
            "had work 97 %",
        ] {
            assert!(warning.contains(part), "{part:?} is not in {warning}");
        }
        assert!(!warning.contains("more partitions"), "{warning}");
    }

    #[test]
    fn what_placement_can_carry_is_not_warned_of() {
        let quiet = |change: fn(&mut Summary)| {
            let mut summary = summary(0.9);
            change(&mut summary);
            let warnings = summary.hot_key_warnings();
            assert!(warnings.is_empty(), "{warnings:?}");
        };
        // 0.8 of 1.8: less than half, though that partition is the heaviest by far.
        quiet(|summary| summary.tasks[0].load = 0.9);
        // A third of its partition's events are others', and what is not certain is not counted.
        quiet(|summary| summary.hot_keys[0].keys[0].partition_share = Some(0.6));
        quiet(|summary| summary.hot_keys[0].keys[0].error = 4_000_000);
        quiet(|summary| summary.hot_keys[0].keys[0].events_split = 9);
        // Cores that had time, or kept the pace that was asked for.
        quiet(|summary| summary.cores[1].busy_share = 0.6);
        quiet(|summary| {
            summary.schedule = Schedule {
                asked_events_per_s: Some(1e7),
                kept: true,
                ..Schedule::default()
            }
        });
        // One core carries all, whatever they carry.
        quiet(|summary| summary.cores.truncate(1));
        quiet(|summary| summary.tasks.clear());
    }

    #[test]
    fn a_pace_that_was_not_kept_is_no_time_left() {
        let mut summary = summary(0.9);
        summary.schedule.asked_events_per_s = Some(1e8);
        one(&summary);
    }

    #[test]
    fn splitting_is_advised_where_it_can_be_done_and_pays() {
        let split = "partition.split_hot = \"on\"";
        // 9 M events/s of the key folded take 0.09 of a core: far less than half of what its partition takes.
        let dear = summary(0.9);
        assert!(one(&dear).contains(split));
        // As many in a tenth of the time: folding them takes as long as the stage does.
        let mut cheap = summary(0.9);
        cheap.elapsed_ns /= 10;
        let warning = one(&cheap);
        assert!(!warning.contains(split), "{warning}");
        assert!(warning.contains("to split it (partition.split_hot) would not"));
        let mut impossible = summary(0.9);
        impossible.hot_keys[0].splitting = "impossible".into();
        let warning = one(&impossible);
        assert!(!warning.contains("split_hot"), "{warning}");
        assert!(warning.contains("a finer key"), "{warning}");
    }
}
