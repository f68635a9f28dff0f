//! A comparison on a terminal.

use super::compare::Comparison;
use super::figure::{UNKNOWN, bytes, duration, number, plain, rate};
use super::paint::Paint;

/// Room for the name of every measure that all runs have.
const MEASURE_WIDTH_MIN: usize = 32;

impl Comparison {
    /// For people; with ANSI colours if `colour`.
    pub fn text(&self, colour: bool) -> String {
        let paint = Paint { colour };
        let (a, b) = (plain(&self.a), plain(&self.b));
        let mut out = format!("a  {a}\nb  {b}\n\n");
        let widest = self
            .rows
            .iter()
            .map(|row| row.measure.chars().count())
            .max();
        let width = widest.unwrap_or(0).max(MEASURE_WIDTH_MIN);
        let head = format!("{:<width$}{:>14}{:>14}{:>10}", "", "a", "b", "b / a");
        out.push_str(&(paint.dim(&head) + "\n"));
        for row in self
            .rows
            .iter()
            .filter(|row| row.a.is_some() || row.b.is_some())
        {
            let shown = |value: Option<f64>| {
                value.map_or(UNKNOWN.to_string(), |value| figure(&row.measure, value))
            };
            let ratio = row
                .ratio
                .map_or(UNKNOWN.to_string(), |ratio| format!("× {ratio:.2}"));
            let measure = plain(&row.measure);
            let line = format!(
                "{measure:<width$}{:>14}{:>14}{ratio:>10}\n",
                shown(row.a),
                shown(row.b)
            );
            out.push_str(&line);
        }
        out.push_str(match self.digest_equal {
            Some(true) => "\ndigest equal: both gave the same outputs\n",
            Some(false) => "\ndigest DIFFERENT: the runs did not give the same outputs\n",
            None => "\ndigest unknown: at least one run has none\n",
        });
        if self.differences.is_empty() {
            out.push_str("nothing else differs\n");
            return out;
        }
        out.push_str(&format!("\n{}\n", paint.yellow("not the same in both")));
        for difference in &self.differences {
            let shown = |value: &str| {
                if value.is_empty() {
                    UNKNOWN.to_string()
                } else {
                    plain(value)
                }
            };
            let name = plain(&difference.name);
            let line = format!(
                "  {name}: {} → {}\n",
                shown(&difference.a),
                shown(&difference.b)
            );
            out.push_str(&line);
        }
        out
    }
}

fn figure(measure: &str, value: f64) -> String {
    if measure.contains("_ns.") {
        duration(value as u64)
    } else if measure.ends_with("_per_s") {
        rate(value)
    } else if measure.ends_with("_bytes") {
        bytes(value as u64)
    } else {
        number(value)
    }
}
