//! The report as a picture: for each case a bar a row of its first figure, with a whisker from min to max.

use crate::report::{Case, Report, Row};
use std::fmt::Write;

const WIDTH: f64 = 860.0;
/// Where the bars begin, and how long the longest is.
const LEFT: f64 = 230.0;
const BAR: f64 = 500.0;
const ROW: f64 = 22.0;
const HEAD: f64 = 52.0;

/// All cases, one below the other.
pub fn svg(report: &Report) -> String {
    let rows = |case: &Case| case.rows.len() as f64 * ROW;
    let height: f64 = report.cases.iter().map(|case| HEAD + rows(case)).sum();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{0}\" viewBox=\"0 0 {WIDTH} {0}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        height + 20.0
    );
    let mut top = 0.0;
    for case in &report.cases {
        write_case(&mut text, case, top);
        top += HEAD + rows(case);
    }
    text.push_str("</svg>\n");
    text
}

fn write_case(text: &mut String, case: &Case, top: f64) {
    let name = case.rows.first().and_then(|row| row.figures.first());
    let better = if case.more_is_better { "more" } else { "less" };
    let title = format!(
        "{}: {}, {better} is better",
        case.name,
        name.map_or("", |figure| figure.name)
    );
    let _ = writeln!(
        text,
        "<text x=\"10\" y=\"{}\" font-weight=\"bold\">{}</text>",
        top + 34.0,
        escape(&title)
    );
    let firsts = case.rows.iter().filter_map(|row| row.figures.first()?.max);
    let longest = firsts.fold(0.0, f64::max);
    for (index, row) in case.rows.iter().enumerate() {
        write_row(text, row, longest, top + HEAD + index as f64 * ROW);
    }
}

fn write_row(text: &mut String, row: &Row, longest: f64, top: f64) {
    let base = top + ROW * 0.6;
    let _ = writeln!(
        text,
        "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>",
        LEFT - 8.0,
        escape(&row.label)
    );
    let Some(figure) = row.figures.first() else {
        return;
    };
    let (Some(median), Some(min), Some(max)) = (figure.median, figure.min, figure.max) else {
        return;
    };
    let x = |value: f64| LEFT + BAR * value / longest.max(f64::MIN_POSITIVE);
    let colour = if row.label.starts_with("millstream") {
        "#1f6feb"
    } else if ["bare", "map"]
        .iter()
        .any(|name| row.label.starts_with(name))
    {
        "#8c959f"
    } else {
        "#d4a72c"
    };
    let _ = writeln!(
        text,
        "<rect x=\"{LEFT}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"/>\n\
         <line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"black\"/>\n\
         <text x=\"{:.1}\" y=\"{base}\">{median:.2}</text>",
        top + 2.0,
        x(median) - LEFT,
        ROW - 8.0,
        x(min),
        x(max),
        x(max) + 8.0,
        middle = top + ROW * 0.5 - 2.0,
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
