//! What a run found: machine, cases, rows, figures. One form for all workloads, so that table, JSON and plot
//! each have one way to be written.

use crate::machine::Facts;
use millstream::latency::Percentiles;
use serde::Serialize;

/// A whole run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub command: String,
    pub millstream: String,
    pub machine: Facts,
    pub rounds: usize,
    pub cases: Vec<Case>,
    /// Who did not take part, and why.
    pub left_out: Vec<String>,
}

/// One table: the same work for all of its rows.
#[derive(Debug, Serialize)]
pub struct Case {
    /// `w1 zipf(0.99,1000000)`.
    pub name: String,
    /// What is done, and what is counted.
    pub work: String,
    /// Whether more of the first figure is better.
    pub more_is_better: bool,
    pub rows: Vec<Row>,
    /// What the machine did by itself before each round, ns.
    pub hiccups_ns: Vec<Percentiles>,
    /// Share of the CPU time that the host took meanwhile.
    pub steal_share: Option<f64>,
}

/// One contender.
#[derive(Debug, Serialize)]
pub struct Row {
    pub label: String,
    pub how: String,
    pub threads: usize,
    /// In the order of the columns; the first is the one that matters.
    pub figures: Vec<Figure>,
}

/// A figure of each round.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// With its unit.
    pub name: &'static str,
    /// One a round; fewer where a round had too few samples to say.
    pub rounds: Vec<f64>,
    pub median: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

impl Figure {
    /// The figure `name` over all rounds.
    pub fn new(name: &'static str, rounds: impl IntoIterator<Item = f64>) -> Self {
        let rounds: Vec<f64> = rounds.into_iter().collect();
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        Figure {
            name,
            median: median(&sorted),
            min: sorted.first().copied(),
            max: sorted.last().copied(),
            rounds,
        }
    }
}

/// The middle of what is sorted, between two where there is no one in the middle.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 {
        upper
    } else {
        (sorted[middle - 1] + upper) / 2.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        let median = |rounds: &[f64]| Figure::new("x", rounds.iter().copied()).median;
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
