//! Two runs side by side: what got faster, what got slower, and what else was not the same.

use super::figure::count;
use super::report::{CONFIG_FILE, read_file, read_summary};
use super::report_error::ReportError;
use super::summary::{Percentiles, Summary};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Fields of the environment that differ between any two runs and say nothing.
const ALWAYS_DIFFERENT: [&str; 2] = ["started", "memory_peak_bytes"];

/// Two runs side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Name of the first run, the one compared with.
    pub a: String,
    /// Name of the second run.
    pub b: String,
    /// One entry a measure.
    pub rows: Vec<Row>,
    /// Whether both gave the same outputs; `None` where one has no digest.
    pub digest_equal: Option<bool>,
    /// What else was not the same: application, load, configuration, environment.
    pub differences: Vec<Difference>,
}

/// One measure of both runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// As in `summary.json`, dotted: `latency_ns.p99`.
    pub measure: String,
    /// First run; `None` where not known.
    pub a: Option<f64>,
    /// Second run; `None` where not known.
    pub b: Option<f64>,
    /// `b / a`; `None` where one is not known or `a` is 0.
    pub ratio: Option<f64>,
}

/// Something that was not the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Where: `config.runtime.cores`, `environment.cpu_model`, `schedule.pace`.
    pub name: String,
    /// First run; empty where it has none.
    pub a: String,
    /// Second run; empty where it has none.
    pub b: String,
}

/// Compares run `b` with run `a`. The configurations are not part of a summary: see
/// [`compare_directories`].
pub fn compare(a: &Summary, b: &Summary) -> Comparison {
    let mut rows = vec![row(
        "throughput_events_per_s",
        Some(a.throughput_events_per_s),
        Some(b.throughput_events_per_s),
    )];
    for (name, of) in [
        (
            "latency_ns",
            (|s| &s.latency_ns) as fn(&Summary) -> &Percentiles,
        ),
        ("service_ns", |s| &s.service_ns),
        ("hiccup_ns", |s| &s.hiccup_ns),
    ] {
        for ((point, a), (_, b)) in points(of(a)).into_iter().zip(points(of(b))) {
            rows.push(row(&format!("{name}.{point}"), a, b));
        }
    }
    let peak =
        |s: &Summary| Some(s.environment.memory_peak_bytes as f64).filter(|bytes| *bytes > 0.0);
    rows.push(row("environment.memory_peak_bytes", peak(a), peak(b)));
    let measures: BTreeSet<_> = a.quality.keys().chain(b.quality.keys()).collect();
    for measure in measures {
        let of = |s: &Summary| s.quality.get(measure).copied();
        rows.push(row(&format!("quality.{measure}"), of(a), of(b)));
    }
    let (of_a, of_b) = (of_caches(a), of_caches(b));
    let measures: BTreeSet<_> = of_a.keys().chain(of_b.keys()).collect();
    for measure in measures {
        let of = |caches: &BTreeMap<String, f64>| caches.get(measure).copied();
        rows.push(row(measure, of(&of_a), of(&of_b)));
    }
    let known = !a.digest.is_empty() && !b.digest.is_empty();
    Comparison {
        a: a.app.clone(),
        b: b.app.clone(),
        rows,
        digest_equal: known.then(|| a.digest == b.digest),
        differences: differences(&facts(a), &facts(b)),
    }
}

/// Compares the reports in two directories, their configurations too.
///
/// # Errors
/// As [`read_summary`]; also where a `config.toml` is missing or damaged.
pub fn compare_directories(a: &Path, b: &Path) -> Result<Comparison, ReportError> {
    let mut comparison = compare(&read_summary(a)?, &read_summary(b)?);
    comparison.a = a.display().to_string();
    comparison.b = b.display().to_string();
    comparison
        .differences
        .extend(differences(&config(a)?, &config(b)?));
    Ok(comparison)
}

fn row(measure: &str, a: Option<f64>, b: Option<f64>) -> Row {
    let ratio = match (a, b) {
        (Some(a), Some(b)) if a != 0.0 => Some(b / a),
        _ => None,
    };
    Row {
        measure: measure.to_string(),
        a,
        b,
        ratio,
    }
}

fn points(p: &Percentiles) -> [(&'static str, Option<f64>); 6] {
    [
        ("p50", p.p50),
        ("p90", p.p90),
        ("p99", p.p99),
        ("p99_9", p.p99_9),
        ("p99_99", p.p99_99),
        ("max", p.max),
    ]
    .map(|(name, value)| (name, value.map(|ns| ns as f64)))
}

/// Hit ratio of each cache, and how long its cold tier let an event wait: `stages.total.state.hit_ratio`.
fn of_caches(summary: &Summary) -> BTreeMap<String, f64> {
    let mut measures = BTreeMap::new();
    for stage in &summary.stages {
        for cache in &stage.caches {
            let name = format!("stages.{}.{}", stage.name, cache.name);
            let cold = cache.cold.as_ref();
            let figures = [
                ("hit_ratio", cache.hit_ratio),
                (
                    "cold.read_ns.p99",
                    cold.and_then(|cold| cold.read_ns.p99.map(|ns| ns as f64)),
                ),
                ("cold.file_bytes", cold.map(|cold| cold.file_bytes as f64)),
            ];
            let known = figures
                .into_iter()
                .filter_map(|(figure, value)| Some((format!("{name}.{figure}"), value?)));
            measures.extend(known);
        }
    }
    measures
}

/// What should be the same if the figures are to be compared.
fn facts(summary: &Summary) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::from([
        ("app".to_string(), summary.app.clone()),
        ("events_in".to_string(), count(summary.events_in)),
        ("schedule.pace".to_string(), summary.schedule.pace.clone()),
        (
            "schedule.kept".to_string(),
            summary.schedule.kept.to_string(),
        ),
        ("cores".to_string(), summary.cores.len().to_string()),
    ]);
    if let Ok(serde_json::Value::Object(environment)) = serde_json::to_value(&summary.environment) {
        for (name, value) in environment {
            if !ALWAYS_DIFFERENT.contains(&name.as_str()) {
                let value = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_string);
                facts.insert(format!("environment.{name}"), value);
            }
        }
    }
    facts
}

fn config(dir: &Path) -> Result<BTreeMap<String, String>, ReportError> {
    let bytes = read_file(dir, CONFIG_FILE)?;
    let table: toml::Table =
        toml::from_str(&String::from_utf8_lossy(&bytes)).map_err(|source| ReportError::Config {
            path: dir.join(CONFIG_FILE),
            source: Box::new(source),
        })?;
    let mut flat = BTreeMap::new();
    flatten("config", &toml::Value::Table(table), &mut flat);
    Ok(flat)
}

fn flatten(name: &str, value: &toml::Value, flat: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                flatten(&format!("{name}.{key}"), value, flat);
            }
        }
        toml::Value::String(text) => {
            flat.insert(name.to_string(), text.clone());
        }
        other => {
            flat.insert(name.to_string(), other.to_string());
        }
    }
}

fn differences(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<Difference> {
    let names: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let value = |of: &BTreeMap<String, String>, name| of.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .map(|name| Difference {
            name: name.clone(),
            a: value(a, name),
            b: value(b, name),
        })
        .filter(|difference| difference.a != difference.b)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::sample::sample_report;

    fn row_of<'a>(comparison: &'a Comparison, measure: &str) -> &'a Row {
        comparison
            .rows
            .iter()
            .find(|row| row.measure == measure)
            .unwrap()
    }

    #[test]
    fn ratios_are_of_the_second_to_the_first() {
        let a = sample_report().summary;
        let mut b = a.clone();
        b.throughput_events_per_s = a.throughput_events_per_s * 2.0;
        b.latency_ns.p99 = Some(5_000);
        b.latency_ns.p99_99 = None;
        b.digest = "0".to_string();
        b.environment.kernel = "other".to_string();
        let mut a = a;
        a.latency_ns.p99 = Some(10_000);
        let comparison = compare(&a, &b);
        assert_eq!(
            row_of(&comparison, "throughput_events_per_s").ratio,
            Some(2.0)
        );
        assert_eq!(row_of(&comparison, "latency_ns.p99").ratio, Some(0.5));
        assert_eq!(row_of(&comparison, "latency_ns.p99_99").ratio, None);
        assert_eq!(comparison.digest_equal, Some(false));
        assert_eq!(comparison.differences.len(), 1);
        assert_eq!(comparison.differences[0].name, "environment.kernel");
        let text = comparison.text(false);
        assert!(
            text.contains("10.0 µs") && text.contains("5.0 µs") && text.contains("× 0.50"),
            "{text}"
        );
        assert!(
            text.contains("digest DIFFERENT") && text.contains("environment.kernel: "),
            "{text}"
        );
    }

    #[test]
    fn caches_are_compared_also_where_one_run_has_none() {
        let a = sample_report().summary;
        let mut b = a.clone();
        b.stages[1].caches[0].hit_ratio = a.stages[1].caches[0].hit_ratio.map(|ratio| ratio / 2.0);
        b.stages[0].caches.clear();
        let comparison = compare(&a, &b);
        let answers = row_of(&comparison, "stages.neighbours.answers.hit_ratio");
        assert_eq!(
            (answers.ratio, answers.a),
            (Some(0.5), Some(22_100.0 / 37_500.0))
        );
        let reads = row_of(&comparison, "stages.history.state.cold.read_ns.p99");
        assert_eq!(
            (reads.a, reads.b, reads.ratio),
            (Some(18_400.0), None, None)
        );
        let text = comparison.text(false);
        assert!(
            text.contains("18.4 µs") && text.contains("16.0 MiB"),
            "{text}"
        );
        let ends = text
            .lines()
            .filter(|line| line.contains("answers.hit") || line.contains("max"));
        let widths: BTreeSet<usize> = ends.map(|line| line.chars().count()).collect();
        assert_eq!(
            widths.len(),
            1,
            "the columns stand below each other: {text}"
        );
    }

    #[test]
    fn a_run_equals_itself() {
        let summary = sample_report().summary;
        let comparison = compare(&summary, &summary);
        assert_eq!(comparison.digest_equal, Some(true));
        assert!(comparison.differences.is_empty());
        assert!(
            comparison
                .rows
                .iter()
                .all(|row| row.ratio.is_none_or(|ratio| ratio == 1.0))
        );
        let json = serde_json::to_string(&comparison).unwrap();
        assert_eq!(
            serde_json::from_str::<Comparison>(&json).unwrap(),
            comparison
        );
        assert_eq!(compare(&summary, &Summary::default()).digest_equal, None);
    }

    #[test]
    fn directories_are_compared_with_their_configuration() {
        let report = sample_report();
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        report
            .write(a.path(), "seed = 1\n[runtime]\ncores = 1\n")
            .unwrap();
        report
            .write(
                b.path(),
                "seed = 1\n[runtime]\ncores = 2\nidle = \"park\"\n",
            )
            .unwrap();
        let comparison = compare_directories(a.path(), b.path()).unwrap();
        let found: Vec<_> = comparison
            .differences
            .iter()
            .map(|d| (d.name.as_str(), d.a.as_str(), d.b.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("config.runtime.cores", "1", "2"),
                ("config.runtime.idle", "", "park")
            ]
        );
        assert_eq!(comparison.a, a.path().display().to_string());
        std::fs::write(b.path().join("config.toml"), "seed = = 1").unwrap();
        let message = compare_directories(a.path(), b.path())
            .unwrap_err()
            .to_string();
        assert!(message.contains("config.toml is not TOML"), "{message}");
    }
}
