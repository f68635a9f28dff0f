//! What was found out about one trace; as rows for CSV and JSON.

use super::accuracy::expected_error;
use super::lineup::Contender;
use super::requests::Requests;
use super::search::Search;
use super::size::Unit;
use super::study::{Column, Measured, Study};
use crate::source::trace::Description;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// What was found out about one trace. The requests themselves are gone.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The trace, as it was named.
    pub trace: String,
    /// What it was taken for.
    pub description: Description,
    /// Records set aside.
    pub bad: u64,
    /// Requests of the whole trace.
    pub requests: u64,
    /// Distinct keys of the whole trace; from a sample, an estimate.
    pub distinct: u64,
    /// The share of keys that was looked at.
    pub rate: f64,
    /// How many these are.
    pub keys: u32,
    /// Time to read and number it.
    pub read_elapsed: Duration,
    /// Policies × sizes.
    pub study: Study,
    /// The answer to a wanted hit ratio.
    pub search: Option<Search>,
}

impl Finding {
    /// Puts together what is known.
    pub fn new(
        requests: &Requests,
        read_elapsed: Duration,
        study: Study,
        search: Option<Search>,
    ) -> Finding {
        Finding {
            trace: requests.trace.clone(),
            description: requests.description.clone(),
            bad: requests.counts.bad,
            requests: requests.requests(),
            distinct: requests.distinct(),
            rate: requests.rate,
            keys: requests.objects,
            read_elapsed,
            study,
            search,
        }
    }

    /// The error to be expected of a miss ratio where only some keys were looked at.
    pub fn error(&self, contender: Contender) -> Option<f64> {
        (self.rate < 1.0).then(|| expected_error(contender, self.keys))
    }

    /// One row for each policy and size that was simulated.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let policies = self.study.contenders.iter().zip(&self.study.cells);
        policies.flat_map(move |(contender, cells)| {
            let columns = self.study.columns.iter().zip(cells).zip(&self.study.floor);
            columns.filter_map(move |((column, cell), floor)| {
                Some(self.row(*contender, column, cell.as_ref()?, floor.as_ref()))
            })
        })
    }

    fn row<'a>(
        &'a self,
        contender: Contender,
        column: &Column,
        cell: &Measured,
        floor: Option<&Measured>,
    ) -> Row<'a> {
        Row {
            trace: &self.trace,
            policy: contender.name(),
            size: column.size,
            requests: self.requests,
            misses: cell.misses,
            miss_ratio: cell.miss_ratio,
            size_unit: column.unit,
            miss_ratio_opt: floor.map(|floor| floor.miss_ratio),
            miss_ratio_bytes: cell.miss_ratio_bytes,
            sample_rate: self.rate,
            miss_ratio_error: self.error(contender),
        }
    }
}

/// One policy at one size, as it stands in `miss_ratios.csv` and `miss_ratios.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Row<'a> {
    /// The trace, as it was named.
    pub trace: &'a str,
    /// The policy.
    pub policy: &'static str,
    /// Of the cache, in `size_unit`.
    pub size: u64,
    /// Of the whole trace.
    pub requests: u64,
    /// Of the whole trace; from a sample, an estimate.
    pub misses: u64,
    /// Misses of requests.
    #[serde(serialize_with = "six_digits")]
    pub miss_ratio: f64,
    /// What the size counts.
    pub size_unit: Unit,
    /// That of OPT at this size: no policy has less.
    #[serde(serialize_with = "six_digits_or_none")]
    pub miss_ratio_opt: Option<f64>,
    /// Bytes missed of bytes asked for; where sizes are in bytes.
    #[serde(serialize_with = "six_digits_or_none")]
    pub miss_ratio_bytes: Option<f64>,
    /// The share of keys that was looked at.
    pub sample_rate: f64,
    /// The error to be expected of the miss ratio, where that is below 1.
    #[serde(serialize_with = "six_digits_or_none")]
    pub miss_ratio_error: Option<f64>,
}

/// Six digits are what the reference has; the exact ratio is misses of requests.
fn six_digits<S: Serializer>(ratio: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((ratio * 1e6).round() / 1e6)
}

fn six_digits_or_none<S: Serializer>(
    ratio: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match ratio {
        Some(ratio) => six_digits(ratio, serializer),
        None => serializer.serialize_none(),
    }
}

/// All rows, with a header.
pub fn csv<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in findings.into_iter().flat_map(Finding::rows) {
        writer
            .serialize(row)
            .expect("a vector takes whatever is written to it");
    }
    let bytes = writer
        .into_inner()
        .expect("a vector takes whatever is written to it");
    String::from_utf8(bytes).expect("texts and numbers are UTF-8")
}

/// All rows, as an array of objects.
pub fn json<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let rows: Vec<Row> = findings.into_iter().flat_map(Finding::rows).collect();
    let text =
        serde_json::to_string_pretty(&rows).expect("texts and finite numbers have a JSON form");
    text + "\n"
}
