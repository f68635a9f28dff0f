//! A table on a terminal.

use super::paint::Paint;

/// The first column left, the others right, each as wide as its widest cell and `width_min`.
pub(super) fn table(
    lines: &mut Vec<String>,
    head: &[&str],
    rows: &[Vec<String>],
    width_min: usize,
    paint: Paint,
) {
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            let least = if column == 0 { 10 } else { width_min };
            cells
                .max()
                .unwrap_or(0)
                .max(head[column].chars().count())
                .max(least)
        })
        .collect();
    let line = |cells: &[&str]| {
        let mut line = format!("{:<width$}", cells[0], width = widths[0]);
        for (cell, width) in cells.iter().zip(&widths).skip(1) {
            line.push_str(&format!("  {cell:>width$}"));
        }
        line
    };
    lines.push(paint.dim(&line(head)));
    for row in rows {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        lines.push(line(&cells));
    }
}
