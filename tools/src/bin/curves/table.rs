//! A curve as a Markdown table, and its place in a document.
//!
//! ```text
//!   <!-- curve keys: written by `curves`; do not edit -->
//!   … table, plot, machine …                                  replaced by each run that measures this curve
//!   <!-- end of curve keys -->
//!   why it bends there                                        written by hand, never touched
//! ```

use super::error::CurveError;
use super::report::{CurveReport, PointReport, Report, SeriesReport};
use millstream_tools::markdown::write_table;
use std::fmt::Write;
use std::path::Path;

/// The section of `curve`; its plot is at `plot`, as seen from the document, if there is one.
pub fn section(report: &Report, curve: &CurveReport, plot: Option<&str>) -> String {
    let mut text = String::new();
    let name = |series: &SeriesReport| format!("{}, ns an event", series.name);
    let header: Vec<String> = std::iter::once(curve.axis.clone())
        .chain(curve.series.iter().map(name))
        .collect();
    let mut values: Vec<usize> = curve.series.iter().flat_map(of_series).collect();
    values.sort_unstable();
    values.dedup();
    let rows = values.iter().map(|value| {
        let cells = curve.series.iter().map(|series| cell(series, *value));
        std::iter::once(short(*value)).chain(cells).collect()
    });
    write_table(&mut text, &header, &rows.collect::<Vec<_>>());
    for line in &curve.left_out {
        let _ = writeln!(text, "\nLeft out: {line}.");
    }
    if let Some(plot) = plot {
        let _ = writeln!(text, "\n![ns an event against {}]({plot})", curve.axis);
    }
    let stolen = curve.steal_share.map_or(String::new(), |share| {
        format!(" The host took {:.1} % of the CPU time.", share * 100.0)
    });
    let _ = writeln!(
        text,
        "\nMedian (min–max) of {} interleaved rounds, a process a point; {}. `{}`, millstream {}.\n\n{}.{stolen}",
        report.rounds, curve.fixed, report.command, report.version, report.machine
    );
    text
}

/// A document of its own with all curves of `report`.
pub fn document(report: &Report, plot: impl Fn(&CurveReport) -> Option<String>) -> String {
    let mut text = String::from("# Cost curves\n");
    for curve in &report.curves {
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\n{}\n{}\n",
            curve.axis,
            begin(&curve.varied),
            section(report, curve, plot(curve).as_deref()),
            end(&curve.varied)
        );
    }
    text
}

/// `document`, with the part of each curve that was measured put into its place; a curve that has none is put
/// at the end.
///
/// # Errors
/// A part that begins and does not end.
pub fn placed(
    document: &str,
    path: &Path,
    report: &Report,
    plot: impl Fn(&CurveReport) -> Option<String>,
) -> Result<String, CurveError> {
    let mut text = document.to_string();
    for curve in &report.curves {
        let (begin, end) = (begin(&curve.varied), end(&curve.varied));
        let section = section(report, curve, plot(curve).as_deref());
        let Some(at) = text.find(&begin) else {
            let _ = write!(text, "\n## {}\n\n{begin}\n\n{section}\n{end}\n", curve.axis);
            continue;
        };
        let from = at + begin.len();
        let Some(length) = text[from..].find(&end) else {
            let path = path.to_path_buf();
            return Err(CurveError::Unclosed { path, begin, end });
        };
        text.replace_range(from..from + length, &format!("\n\n{section}\n"));
    }
    Ok(text)
}

fn begin(varied: &str) -> String {
    format!("<!-- curve {varied}: written by `curves`; do not edit -->")
}

fn end(varied: &str) -> String {
    format!("<!-- end of curve {varied} -->")
}

fn of_series(series: &SeriesReport) -> Vec<usize> {
    series.points.iter().map(|point| point.value).collect()
}

fn cell(series: &SeriesReport, value: usize) -> String {
    let point = series.points.iter().find(|point| point.value == value);
    point.map_or("–".into(), |point: &PointReport| {
        format!(
            "{:.1} ({:.1}–{:.1})",
            point.event_ns_median, point.event_ns_min, point.event_ns_max
        )
    })
}

/// `1_000_000` as `1M`, `16_384` as `16,384`.
pub fn short(value: usize) -> String {
    match value {
        1_000_000.. if value.is_multiple_of(1_000_000) => format!("{}M", value / 1_000_000),
        10_000.. if value.is_multiple_of(1_000) => format!("{}k", value / 1_000),
        1_000.. => format!("{},{:03}", value / 1_000, value % 1_000),
        _ => value.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::point::Point;
    use super::*;
    use millstream_tools::question::Question;

    /// A report of one curve with two series, the second of which lacks its last point.
    pub(in super::super) fn report() -> Report {
        let point = |value: usize, event_ns: &[f64]| {
            let point = Point {
                question: Question {
                    keys: "uniform(1k)".into(),
                    events: 1_000,
                    event_bytes: 24,
                },
                cores: 1,
                partitions: 0,
                ring_slots: value,
                budget: 0,
                presized: true,
            };
            PointReport::new(value, point, event_ns.to_vec())
        };
        let series = |name: &str, points: Vec<PointReport>| SeriesReport {
            name: name.into(),
            points,
        };
        Report {
            command: "curves --quick".into(),
            version: "0.1.0".into(),
            machine: "a machine".into(),
            rounds: 3,
            curves: vec![CurveReport {
                varied: "ring".into(),
                axis: "slots of a ring".into(),
                fixed: "presized".into(),
                series: vec![
                    series(
                        "one core",
                        vec![point(64, &[30.0, 20.0, 25.0]), point(16_384, &[18.0; 3])],
                    ),
                    series("two <cores>", vec![point(64, &[90.0, 40.0, 41.0])]),
                ],
                left_out: vec!["16384 slots: wants too much".into()],
                steal_share: Some(0.015),
            }],
        }
    }

    const NO_PLOT: fn(&CurveReport) -> Option<String> = |_| None;

    #[test]
    fn a_row_a_value_with_median_and_range() {
        let report = report();
        let text = section(&report, &report.curves[0], Some("curves/ring.svg"));
        let cells: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert!(
            cells.contains(&"| 64 | 25.0 (20.0–30.0) | 41.0 (40.0–90.0) |".into()),
            "{text}"
        );
        assert!(
            cells.contains(&"| 16,384 | 18.0 (18.0–18.0) | – |".into()),
            "{text}"
        );
        for part in [
            "Left out: 16384 slots",
            "](curves/ring.svg)",
            "3 interleaved",
            "1.5 %",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn a_new_run_replaces_its_part_and_nothing_else() {
        let report = report();
        let hand = "# Curves\n\nBefore.\n\n<!-- curve ring: written by `curves`; do not edit -->\nold\n\
                    <!-- end of curve ring -->\n\nBecause of the cache.\n";
        let path = Path::new("curves.md");
        let once = placed(hand, path, &report, NO_PLOT).expect("closed");
        assert!(once.starts_with("# Curves\n\nBefore.\n"));
        assert!(once.ends_with("<!-- end of curve ring -->\n\nBecause of the cache.\n"));
        assert!(once.contains("41.0 (40.0–90.0)") && !once.contains("old"));
        assert_eq!(placed(&once, path, &report, NO_PLOT).expect("closed"), once);
    }

    #[test]
    fn a_part_without_an_end_is_not_guessed_at() {
        let open = "<!-- curve ring: written by `curves`; do not edit -->\nold\n";
        let error = placed(open, Path::new("curves.md"), &report(), NO_PLOT).expect_err("no end");
        assert!(
            error.to_string().contains("`<!-- end of curve ring -->`"),
            "{error}"
        );
    }

    #[test]
    fn a_document_of_its_own_can_be_written_again() {
        let report = report();
        let text = document(&report, NO_PLOT);
        let again = placed(&text, Path::new("new.md"), &report, NO_PLOT).expect("closed");
        assert_eq!(again, text);
    }

    #[test]
    fn counts_are_short() {
        let shorts = [64, 1_000, 1_024, 10_000, 16_384, 4_000_000].map(short);
        assert_eq!(shorts, ["64", "1,000", "1,024", "10k", "16,384", "4M"]);
    }
}
