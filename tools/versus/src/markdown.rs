//! The report as Markdown: the same on the terminal and in a file.

use crate::report::{Case, Figure, Report};
use millstream::latency::Percentiles;
use std::fmt::Write;

/// All of it.
pub fn markdown(report: &Report) -> String {
    let mut text = String::new();
    let machine = &report.machine;
    let gib = machine.memory_bytes as f64 / f64::from(1 << 30);
    let _ = writeln!(text, "# Millstream beside its peers\n");
    let _ = writeln!(
        text,
        "`{}`, millstream {}\n",
        report.command, report.millstream
    );
    let _ = writeln!(
        text,
        "{}, {} CPUs{}, {gib:.0} GiB, huge pages {}, Linux {}; load average before the run {}; {} interleaved \
         rounds, each turn in a process of its own; median (min–max).",
        machine.cpu_model,
        machine.cpus_allowed,
        if machine.virtualised {
            " (virtual)"
        } else {
            ""
        },
        machine.huge_pages,
        machine.kernel,
        machine.load_average,
        report.rounds
    );
    for case in &report.cases {
        write_case(&mut text, case);
    }
    for left_out in &report.left_out {
        let _ = writeln!(text, "\n{left_out}");
    }
    text
}

fn write_case(text: &mut String, case: &Case) {
    let _ = writeln!(text, "\n## {}\n\n{}\n", case.name, case.work);
    let mut header = vec!["contender".to_string(), "threads".to_string()];
    if let Some(row) = case.rows.first() {
        header.extend(row.figures.iter().map(|figure| figure.name.to_string()));
    }
    let rows = case.rows.iter().map(|row| {
        let mut cells = vec![row.label.clone(), row.threads.to_string()];
        cells.extend(row.figures.iter().map(cell));
        cells
    });
    write_table(text, &header, &rows.collect::<Vec<_>>());
    let _ = writeln!(text, "\n{}", machine_line(case));
}

/// Cells padded to the width of their column: read as well on a terminal.
fn write_table(text: &mut String, header: &[String], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widths = cells
            .chain(header.get(column))
            .map(|cell| cell.chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut line = |cells: &[String]| {
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(text, "| {cell:<width$} "),
                _ => write!(text, "| {cell:>width$} "),
            };
        }
        text.push_str("|\n");
    };
    line(header);
    let rule = |(column, width): (usize, &usize)| match column {
        0 => "-".repeat(*width),
        _ => format!("{}:", "-".repeat(width.saturating_sub(1))),
    };
    line(&widths.iter().enumerate().map(rule).collect::<Vec<_>>());
    rows.iter().for_each(|row| line(row));
}

/// `25.1 (24.8–25.6)`; `–` where no round could say.
fn cell(figure: &Figure) -> String {
    match (figure.median, figure.min, figure.max) {
        (Some(median), Some(min), Some(max)) if figure.rounds.len() > 1 => {
            format!("{} ({}–{})", number(median), number(min), number(max))
        }
        (Some(median), ..) => number(median),
        _ => "–".into(),
    }
}

/// Three digits, or more where they stand before the point.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index) % 3 == 0 && digit.is_ascii_digit() {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn machine_line(case: &Case) -> String {
    let of = |pick: fn(&Percentiles) -> Option<u64>| {
        let rounds = case.hiccups_ns.iter().filter_map(pick);
        cell(&Figure::new("", rounds.map(|ns| ns as f64 / 1e3)))
    };
    let steal = case.steal_share.map_or(String::new(), |share| {
        format!("; the host took {:.1} % of the CPU time", share * 100.0)
    });
    format!(
        "Hiccups of the machine, µs: p99 {}, p99.9 {}, p99.99 {}, max {}{steal}.",
        of(|hiccups| hiccups.p99),
        of(|hiccups| hiccups.p99_9),
        of(|hiccups| hiccups.p99_99),
        of(|hiccups| hiccups.max)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_or_more() {
        let texts = [0.204, 2.5, 41.96, 739.4, 27_000.0, 1_234_567.0].map(number);
        assert_eq!(
            texts,
            ["0.20", "2.50", "42.0", "739", "27,000", "1,234,567"]
        );
    }

    #[test]
    fn a_figure_without_rounds_is_a_dash() {
        assert_eq!(cell(&Figure::new("x", [])), "–");
        assert_eq!(cell(&Figure::new("x", [1.0])), "1.00");
        assert_eq!(cell(&Figure::new("x", [3.0, 1.0, 2.0])), "2.00 (1.00–3.00)");
    }
}
