//! `summary.json`: what a run did, in integers (ns, counts, bytes) where the thing counted is one.
//!
//! The layout is versioned by `version`; fields are only ever added within a version.

use super::summary_allocation::AllocationSummary;
use super::summary_balance::{BalanceSummary, TaskSummary};
use super::summary_cache::CacheSummary;
use super::summary_checkpoint::CheckpointSummary;
use super::summary_chronicle::ChronicleSummary;
use super::summary_keys::HotKeys;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// The version of the layout that this build writes.
pub const SUMMARY_VERSION: u32 = 1;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// [`SUMMARY_VERSION`].
    pub version: u32,
    /// The application or flow that ran.
    pub app: String,
    /// Events that the sources took in (bad records included: each is either read or dead-lettered).
    pub events_in: u64,
    /// Results that reached the sinks.
    pub events_out: u64,
    /// Events that a filter or an operator absorbed (no output of their own).
    pub events_filtered: u64,
    /// Outputs beyond the first of an event (flat-map, fan-out).
    pub events_expanded: u64,
    /// Events that came later than the watermark allowed.
    pub events_late: u64,
    /// Records set aside in the dead-letter file.
    pub events_dead_letter: u64,
    /// Events dropped by a shedding policy the user chose.
    pub events_shed: u64,
    /// Events still inside when the run ended; 0 after a drained run.
    pub events_in_flight: u64,
    /// `in + expanded = out + filtered + late + dead_letter + shed + in_flight`.
    pub balanced: bool,
    /// From the first event's due time to the last result.
    pub elapsed_ns: u64,
    /// From the start of the command (of [`crate::flow::Job::run`], where a program runs the flow) to the first
    /// result: opening the source, reading and verifying the checkpoint, and building the state are in it;
    /// `None` if there was no result.
    pub first_result_ns: Option<u64>,
    /// `events_in / elapsed`.
    #[serde(deserialize_with = "null_is_nan")]
    pub throughput_events_per_s: f64,
    /// Order-independent digest of all outputs, 16 hex digits; empty if the sink has none.
    pub digest: String,
    /// Order in which tasks took events: "arrival" or "deterministic".
    pub order: String,
    /// In deterministic order: how long events at hand waited for an input that was behind.
    pub held_ns: Percentiles,
    /// The file that events came from; `None` for a load that follows no trace.
    pub trace: Option<TraceIdentity>,
    /// From the moment an event was due to its result.
    pub latency_ns: Percentiles,
    /// From the moment the source took an event up to its result (sampled).
    pub service_ns: Percentiles,
    /// What the machine itself did to a core with nothing to do, during the same run.
    pub hiccup_ns: Percentiles,
    /// Whether the load was offered as asked.
    pub schedule: Schedule,
    /// One entry a stage, in order of the flow.
    pub stages: Vec<StageSummary>,
    /// One entry a core.
    pub cores: Vec<CoreSummary>,
    /// How tasks were allocated to the cores; `None` in summaries from before it was said.
    pub allocation: Option<AllocationSummary>,
    /// One entry a task, in order of the flow: what it cost.
    pub tasks: Vec<TaskSummary>,
    /// How tasks were moved between cores.
    pub balance: Option<BalanceSummary>,
    /// What tasks and cores did over time; `None` in summaries from before it was kept.
    pub chronicle: Option<ChronicleSummary>,
    /// One entry a partition of each keyed stage.
    pub partitions: Vec<PartitionSummary>,
    /// The hot keys of each stage that is sent its events by key.
    pub hot_keys: Vec<HotKeys>,
    /// What was done about checkpoints; `None` where none were made.
    pub checkpoints: Option<CheckpointSummary>,
    /// Quality of the answers, where the application measures it (recall@20 and the like).
    #[serde(deserialize_with = "nulls_are_nan")]
    pub quality: BTreeMap<String, f64>,
    /// A few answers in words, for people.
    pub samples: Vec<String>,
    /// What the source was taken for: format, columns, time unit.
    pub notes: Vec<String>,
    /// Where it ran.
    pub environment: Environment,
    /// Why this run should be read with care; empty for a clean one.
    pub warnings: Vec<String>,
}

/// Percentiles of one histogram. `None` (JSON null, "–" for people) where fewer than ten samples lie beyond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Percentiles {
    /// Samples recorded.
    pub count: u64,
    /// Median.
    pub p50: Option<u64>,
    /// 90th percentile.
    pub p90: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
    /// 99.9th percentile.
    pub p99_9: Option<u64>,
    /// 99.99th percentile.
    pub p99_99: Option<u64>,
    /// Largest sample; `None` where there is none.
    pub max: Option<u64>,
}

/// What tells whether a trace is still the same file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceIdentity {
    /// As it was given.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last written, ns since 1970.
    pub modified_ns: u64,
    /// XXH3-64 of its bytes, 16 hex digits; empty where it was not read for this: in order of arrival.
    pub xxh3: String,
}

/// Whether an open-loop schedule was kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schedule {
    /// In words: "max", "1000000/s constant", "trace at 10x" ….
    pub pace: String,
    /// Asked rate; `None` at full speed.
    pub asked_events_per_s: Option<f64>,
    /// Rate at which events left the source.
    #[serde(deserialize_with = "null_is_nan")]
    pub reached_events_per_s: f64,
    /// How late the source took events up, 99th percentile.
    pub late_start_ns_p99: Option<u64>,
    /// The same, maximum.
    pub late_start_ns_max: Option<u64>,
    /// All events were offered, and the last within 1 % of the asked duration; true at full speed.
    pub kept: bool,
}

/// One stage of the flow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageSummary {
    /// As the user named it.
    pub name: String,
    /// Events it took in.
    pub events_in: u64,
    /// Events it put out.
    pub events_out: u64,
    /// How partitions are chosen.
    pub partitioner: String,
    /// Partitions.
    pub partitions: u32,
    /// Largest partition's share over the mean share; 1.0 is even.
    #[serde(deserialize_with = "null_is_nan")]
    pub skew: f64,
    /// Keys held at the end.
    pub keys: u64,
    /// Bytes of state tables at the end.
    pub state_bytes: u64,
    /// Time an event in the steps of its tasks; `None` where there was no event.
    pub event_ns: Option<f64>,
    /// Share of a core's time that its tasks took together.
    #[serde(deserialize_with = "null_is_nan")]
    pub load: f64,
    /// The same of the task that took most.
    #[serde(deserialize_with = "null_is_nan")]
    pub load_max: f64,
    /// Time sampled events waited in front of this stage.
    pub queueing_ns: Percentiles,
    /// Its caches, each added up over the partitions; empty where it has none.
    pub caches: Vec<CacheSummary>,
}

/// One core.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CoreSummary {
    /// Index within the run.
    pub core: u32,
    /// CPU it was pinned to; `None` where pinning was refused or not asked for.
    pub cpu: Option<u32>,
    /// Names of the tasks on it at the end.
    pub tasks: Vec<String>,
    /// Share of loop rounds' time in which some task had work.
    #[serde(deserialize_with = "null_is_nan")]
    pub busy_share: f64,
}

/// One partition of a keyed stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartitionSummary {
    /// Stage.
    pub stage: String,
    /// Partition index.
    pub partition: u32,
    /// Core index it ran on at the end.
    pub core: u32,
    /// Events it took in.
    pub events_in: u64,
    /// Share of the stage's events.
    #[serde(deserialize_with = "null_is_nan")]
    pub share: f64,
    /// Keys held at the end.
    pub keys: u64,
    /// Its caches; empty where it has none.
    pub caches: Vec<CacheSummary>,
}

/// Where it ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// Version of Millstream.
    pub version: String,
    /// Commit of the build, where known.
    pub commit: String,
    /// The command line.
    pub command: String,
    /// CPU model.
    pub cpu_model: String,
    /// CPUs the process may use.
    pub cpus_allowed: u32,
    /// Kernel release.
    pub kernel: String,
    /// "tsc" or "instant".
    pub clock_source: String,
    /// Memory of the machine, bytes.
    pub memory_bytes: u64,
    /// Setting of transparent huge pages.
    pub huge_pages: String,
    /// Start of the run, RFC 3339, UTC.
    pub started: String,
    /// Seed of all randomness.
    pub seed: u64,
    /// Largest resident anonymous memory of the process, bytes.
    pub memory_peak_bytes: u64,
}

/// JSON has no NaN: a figure that a run could not form (0 / 0) is written as null and must come back.
fn null_is_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

fn nulls_are_nan<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, f64>, D::Error> {
    let entries = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
    Ok(entries
        .into_iter()
        .map(|(name, value)| (name, value.unwrap_or(f64::NAN)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{
        ColdSummary, CoreChronicle, HotKey, MoveSummary, RestoredSummary, TaskChronicle,
    };
    use serde_json::Value;

    const DOCUMENT: &str = include_str!("../../docs/summary.md");

    /// The rows of the document's section `heading`, up to the next heading.
    fn section(heading: &str) -> &'static str {
        let start = DOCUMENT.find(&format!("\n## {heading}\n")).expect(heading) + 1;
        let rest = &DOCUMENT[start..];
        rest[3..].find("\n## ").map_or(rest, |end| &rest[..end + 3])
    }

    fn check(heading: &str, value: Value) {
        let Value::Object(fields) = value else {
            panic!("{heading} is no object")
        };
        let section = section(heading);
        for name in fields.keys() {
            assert!(
                section.contains(&format!("\n| `{name}` |")),
                "docs/summary.md, \"{heading}\": a row for `{name}` is missing"
            );
        }
        let rows = section
            .lines()
            .filter(|line| line.starts_with("| `"))
            .count();
        assert_eq!(
            rows,
            fields.len(),
            "docs/summary.md, \"{heading}\": a row without a field"
        );
    }

    #[test]
    fn every_field_is_documented_and_nothing_else() {
        fn json(value: impl Serialize) -> Value {
            serde_json::to_value(value).unwrap()
        }
        check("The run", json(Summary::default()));
        check("Percentiles", json(Percentiles::default()));
        check("trace", json(TraceIdentity::default()));
        check("checkpoints", json(CheckpointSummary::default()));
        check("checkpoints.restored", json(RestoredSummary::default()));
        check("schedule", json(Schedule::default()));
        check("stages[]", json(StageSummary::default()));
        check("cores[]", json(CoreSummary::default()));
        check("allocation", json(AllocationSummary::default()));
        check("tasks[]", json(TaskSummary::default()));
        check("balance", json(BalanceSummary::default()));
        check("balance.moves[]", json(MoveSummary::default()));
        check("chronicle", json(ChronicleSummary::default()));
        check("chronicle.cores[]", json(CoreChronicle::default()));
        check("chronicle.tasks[]", json(TaskChronicle::default()));
        check("partitions[]", json(PartitionSummary::default()));
        check("hot_keys[]", json(HotKeys::default()));
        check("hot_keys[].keys[]", json(HotKey::default()));
        check("caches[]", json(CacheSummary::default()));
        check("caches[].cold", json(ColdSummary::default()));
        check("environment", json(Environment::default()));
        assert!(DOCUMENT.contains(&format!("now {SUMMARY_VERSION}.")));
    }

    #[test]
    fn unknown_fields_are_skipped_and_missing_ones_have_defaults() {
        let text = r#"{"version": 1, "events_in": 7, "of_a_later_build": [1]}"#;
        let summary: Summary = serde_json::from_str(text).unwrap();
        assert_eq!(
            summary,
            Summary {
                version: 1,
                events_in: 7,
                ..Summary::default()
            }
        );
    }

    #[test]
    fn a_summary_from_before_there_were_caches_is_read() {
        let text = r#"{"version": 1, "stages": [{"name": "total", "keys": 3}],
            "partitions": [{"stage": "total", "keys": 3}]}"#;
        let summary: Summary = serde_json::from_str(text).unwrap();
        assert_eq!((summary.stages[0].keys, summary.partitions[0].keys), (3, 3));
        assert!(summary.stages[0].caches.is_empty() && summary.partitions[0].caches.is_empty());
        let text = r#"{"name": "state", "hits": 2, "cold": {"reads": 1}}"#;
        let cache: CacheSummary = serde_json::from_str(text).unwrap();
        assert_eq!((cache.hits, cache.hit_ratio), (2, None));
        assert_eq!(cache.cold.map(|cold| cold.reads), Some(1));
    }

    #[test]
    fn a_figure_that_could_not_be_formed_does_not_lose_the_summary() {
        let mut summary = Summary {
            throughput_events_per_s: f64::NAN,
            ..Summary::default()
        };
        summary.quality.insert("recall@20".to_string(), f64::NAN);
        summary.stages.push(StageSummary {
            skew: f64::INFINITY,
            ..StageSummary::default()
        });
        let read: Summary =
            serde_json::from_str(&serde_json::to_string(&summary).unwrap()).unwrap();
        assert!(read.throughput_events_per_s.is_nan() && read.quality["recall@20"].is_nan());
        assert!(read.stages[0].skew.is_nan());
    }
}
