//! Markdown tables that read as well on a terminal.

use std::fmt::Write;

/// Cells padded to the width of their column: read as well on a terminal.
pub fn write_table(text: &mut String, header: &[String], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widths = cells
            .chain(header.get(column))
            .map(|cell| cell.chars().count());
        widths.max().unwrap_or(0).max(2)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    // Figures to the right, words to the left.
    let is_figure =
        |cell: &String| cell.starts_with(|c: char| c.is_ascii_digit() || c == '–' || c == '-');
    let figures: Vec<bool> = (0..header.len())
        .map(|column| rows.iter().filter_map(|row| row.get(column)).all(is_figure))
        .collect();
    let mut line = |cells: &[String]| {
        for ((cell, width), figure) in cells.iter().zip(&widths).zip(&figures) {
            let _ = if *figure {
                write!(text, "| {cell:>width$} ")
            } else {
                write!(text, "| {cell:<width$} ")
            };
        }
        text.push_str("|\n");
    };
    line(header);
    let rule = |(width, figure): (&usize, &bool)| {
        let dashes = "-".repeat(width - 1);
        if *figure {
            format!("{dashes}:")
        } else {
            format!("{dashes}-")
        }
    };
    let rule: Vec<String> = widths.iter().zip(&figures).map(rule).collect();
    line(&rule);
    for row in rows {
        line(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_to_the_right_and_words_to_the_left() {
        let mut text = String::new();
        let rows = [["ring", "9"], ["hash", "10.5"]].map(|row| row.map(String::from).to_vec());
        write_table(&mut text, &["part", "ns"].map(String::from), &rows);
        let expected = "\
| part |   ns |
| ---- | ---: |
| ring |    9 |
| hash | 10.5 |
";
        assert_eq!(text, expected);
    }
}
