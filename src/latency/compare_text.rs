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
        let known = self.rows.iter();
        let known = known.filter(|row| row.a.is_some() || row.b.is_some());
        let lines = known.map(|row| {
            let shown = |value: Option<f64>| {
                value.map_or(UNKNOWN.to_string(), |value| figure(&row.measure, value))
            };
            let ratio = row.ratio;
            let ratio = ratio.map_or(UNKNOWN.to_string(), |ratio| format!("× {ratio:.2}"));
            (plain(&row.measure), [shown(row.a), shown(row.b), ratio])
        });
        let lines: Vec<(String, [String; 3])> = lines.collect();
        // Two blanks at least between columns, however wide a value is.
        let wide = |column: usize, least: usize| {
            let cells = lines.iter().map(|(_, cells)| cells[column].chars().count());
            cells.max().map_or(least, |most| least.max(most + 2))
        };
        let (a_wide, b_wide, ratio_wide) = (wide(0, 14), wide(1, 14), wide(2, 10));
        let line = |name: &str, a: &str, b: &str, ratio: &str| {
            format!("{name:<width$}{a:>a_wide$}{b:>b_wide$}{ratio:>ratio_wide$}")
        };
        out.push_str(&(paint.dim(&line("", "a", "b", "b / a")) + "\n"));
        for (measure, [a, b, ratio]) in &lines {
            out.push_str(&(line(measure, a, b, ratio) + "\n"));
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

#[cfg(test)]
mod tests {
    use super::super::compare::Row;
    use super::*;

    #[test]
    fn wide_values_keep_their_distance() {
        let row = |measure: &str, a: f64, b: f64, ratio: f64| Row {
            measure: measure.into(),
            a: Some(a),
            b: Some(b),
            ratio: Some(ratio),
        };
        let rates = row("throughput_events_per_s", 123_456_789.0, 1.234e15, 1e7);
        let comparison = Comparison {
            rows: vec![rates, row("tasks", 7.0, 7.0, 1.0)],
            ..Comparison::default()
        };
        let text = comparison.text(false);
        let lines: Vec<&str> = text.lines().skip(3).take(3).collect();
        let [head, rates, tasks] = lines[..] else {
            panic!("a head and two rows: {text}")
        };
        let cells: Vec<&str> = rates.split("  ").filter(|cell| !cell.is_empty()).collect();
        assert_eq!(cells.len(), 4, "columns run together: {rates:?}");
        assert!(
            cells[1].contains("123 M/s") && cells[3].contains('×'),
            "{cells:?}"
        );
        let wide = [head, rates, tasks].map(|line| line.chars().count());
        assert_eq!(
            wide, [wide[0]; 3],
            "columns stand below their heads:\n{text}"
        );
    }
}
