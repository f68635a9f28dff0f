//! What tasks and cores did over time, as `summary.json` tells it: a column for each, a place in it for each span.
//!
//! Columns stand on one line each, also where the rest of the file is written for people: there may be a thousand of
//! them with a hundred numbers.

use serde::ser::Error;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// The run cut into spans of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChronicleSummary {
    /// When each span ended, ns since the start; it began where the one before ended, the first at 0.
    #[serde(serialize_with = "on_one_line")]
    pub ends_ns: Vec<u64>,
    /// One entry a core.
    pub cores: Vec<CoreChronicle>,
    /// One entry a task, in order of the flow.
    pub tasks: Vec<TaskChronicle>,
}

/// One core over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CoreChronicle {
    /// Index within the run.
    pub core: u32,
    /// Of each span, the share of its time in which some task had work.
    #[serde(serialize_with = "on_one_line")]
    pub busy_share: Vec<f64>,
}

/// One task over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskChronicle {
    /// Its name.
    pub task: String,
    /// Of each span, the core that it was on last; `None`: it had ended before.
    #[serde(serialize_with = "on_one_line")]
    pub core: Vec<Option<u32>>,
    /// Of each span, the share of a core's time that it took.
    #[serde(serialize_with = "on_one_line")]
    pub load: Vec<f64>,
    /// Messages that fit in its rings, all together; 0: it has none.
    pub ring_slots: u64,
    /// Of each span, the share of these that was taken when it was looked at; empty where there are none.
    #[serde(serialize_with = "on_one_line")]
    pub ring_fill: Vec<f64>,
}

impl ChronicleSummary {
    /// From start to end of each span, ns.
    pub fn lengths_ns(&self) -> impl Iterator<Item = u64> + '_ {
        let starts_ns = std::iter::once(0).chain(self.ends_ns.iter().copied());
        let spans = self.ends_ns.iter().zip(starts_ns);
        spans.map(|(end_ns, start_ns)| end_ns.saturating_sub(start_ns))
    }

    /// The mean over time of a column of shares.
    pub(super) fn mean(&self, column: &[f64]) -> f64 {
        let whole_ns = self.ends_ns.last().copied().unwrap_or(0).max(1) as f64;
        let shares = column.iter().zip(self.lengths_ns());
        shares
            .map(|(share, length_ns)| share * length_ns as f64)
            .sum::<f64>()
            / whole_ns
    }
}

fn on_one_line<T: Serialize, S: Serializer>(column: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let text = serde_json::to_string(column).map_err(S::Error::custom)?;
    let raw = RawValue::from_string(text).map_err(S::Error::custom)?;
    raw.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> ChronicleSummary {
        ChronicleSummary {
            ends_ns: vec![100, 400],
            cores: vec![CoreChronicle {
                core: 0,
                busy_share: vec![0.25, 1.0],
            }],
            tasks: vec![TaskChronicle {
                task: "total 3".into(),
                core: vec![Some(1), None],
                load: vec![0.5, 0.1],
                ring_slots: 64,
                ring_fill: vec![0.0, 0.07],
            }],
        }
    }

    #[test]
    fn a_column_is_a_line_and_comes_back_as_it_was_written() {
        let text = serde_json::to_string_pretty(&summary()).unwrap();
        for line in [
            "\"ends_ns\": [100,400]",
            "\"busy_share\": [0.25,1.0]",
            "\"core\": [1,null]",
            "\"ring_fill\": [0.0,0.07]",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        let read: ChronicleSummary = serde_json::from_str(&text).unwrap();
        assert_eq!(read, summary());
    }

    #[test]
    fn a_mean_is_weighted_by_time() {
        let chronicle = summary();
        assert_eq!(chronicle.lengths_ns().collect::<Vec<_>>(), [100, 300]);
        let mean = chronicle.mean(&chronicle.tasks[0].load);
        assert!((mean - 0.2).abs() < 1e-9, "{mean}");
        assert_eq!(ChronicleSummary::default().mean(&[]), 0.0);
    }
}
