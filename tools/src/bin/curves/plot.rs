//! A curve as a picture: ns an event over the varied value, a whisker from min to max at each point.
//!
//! ```text
//!   ns │        ┬──●        both axes logarithmic; the upper one begins at a power of two below the least
//!      │  ●──●──┴           and ends at one above the most
//!      └──────────── keys
//! ```
//!
//! The ground is left out and all colours are middle tones, so that it reads on white and on dark pages.

use super::report::{CurveReport, SeriesReport};
use super::table::short;
use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 56.0;

/// Text and axes; contrast 4 : 1 and more on white and on GitHub's dark ground.
const INK: &str = "#768390";
/// Of the series, told apart by those who see no red or no green as well.
const COLOURS: [&str; 4] = ["#2f81f7", "#db8a1d", "#8b6fd6", "#3a9d6a"];

/// Where values lie on the page.
struct Axes {
    x: (f64, f64),
    y: (f64, f64),
}

impl Axes {
    fn of(curve: &CurveReport) -> Option<Axes> {
        let points = || curve.series.iter().flat_map(|series| &series.points);
        let least = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::min);
        let most = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::max);
        let value = || points().map(|point| (point.value.max(1) as f64).log2());
        let low = least(&mut points().map(|point| point.event_ns_min))?;
        let high = most(&mut points().map(|point| point.event_ns_max))?;
        let (low, high) = (
            low.max(f64::MIN_POSITIVE).log2().floor(),
            high.max(f64::MIN_POSITIVE).log2().ceil(),
        );
        Some(Axes {
            x: (least(&mut value())?, most(&mut value())?),
            y: (low, high.max(low + 1.0)),
        })
    }

    fn x(&self, value: usize) -> f64 {
        let share = if self.x.1 > self.x.0 {
            ((value.max(1) as f64).log2() - self.x.0) / (self.x.1 - self.x.0)
        } else {
            0.5
        };
        // Some room beside the first and last point.
        LEFT + 20.0 + share * (WIDTH - LEFT - RIGHT - 40.0)
    }

    fn y(&self, event_ns: f64) -> f64 {
        let log = event_ns.max(f64::MIN_POSITIVE).log2();
        let share = (log - self.y.0) / (self.y.1 - self.y.0);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }
}

/// The picture; `None` where there is no point.
pub fn svg(curve: &CurveReport) -> Option<String> {
    let axes = Axes::of(curve)?;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"{INK}\">\n\
         <title>ns an event against {}</title>\n",
        escape(&curve.axis)
    );
    write_axes(&mut text, curve, &axes);
    for (index, series) in curve.series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        write_series(&mut text, series, &axes, colour);
        let left = LEFT + 8.0 + 230.0 * index as f64;
        let _ = writeln!(
            text,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"26\" y2=\"26\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
             <text x=\"{}\" y=\"30\">{}</text>",
            left + 22.0,
            left + 28.0,
            escape(&series.name)
        );
    }
    text.push_str("</svg>\n");
    Some(text)
}

fn write_axes(text: &mut String, curve: &CurveReport, axes: &Axes) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for power in axes.y.0 as i32..=axes.y.1 as i32 {
        let event_ns = 2f64.powi(power);
        let y = axes.y(event_ns);
        let _ = writeln!(
            text,
            "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{INK}\" \
             stroke-opacity=\"0.25\"/>\n\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{event_ns}</text>",
            LEFT - 8.0,
            y + 4.0
        );
    }
    let mut values: Vec<usize> = Vec::new();
    for series in &curve.series {
        values.extend(series.points.iter().map(|point| point.value));
    }
    values.sort_unstable();
    values.dedup();
    let mut free_from = 0.0;
    for value in values {
        let x = axes.x(value);
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom}\" y2=\"{}\" stroke=\"{INK}\"/>",
            bottom + 5.0
        );
        let label = short(value);
        let half = 3.8 * label.len() as f64;
        // A label that would lie upon its neighbour is left out; its tick stays.
        if x - half >= free_from {
            let _ = writeln!(
                text,
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                bottom + 19.0
            );
            free_from = x + half;
        }
    }
    let _ = writeln!(
        text,
        "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\" stroke=\"{INK}\"/>\n\
         <text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n\
         <text x=\"16\" y=\"{middle:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {middle:.1})\">ns an event</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 14.0,
        escape(&curve.axis),
        middle = (TOP + bottom) / 2.0
    );
}

fn write_series(text: &mut String, series: &SeriesReport, axes: &Axes, colour: &str) {
    let place = |value: usize, event_ns: f64| (axes.x(value), axes.y(event_ns));
    let line: Vec<String> = series
        .points
        .iter()
        .map(|point| {
            let (x, y) = place(point.value, point.event_ns_median);
            format!("{x:.1},{y:.1}")
        })
        .collect();
    let _ = writeln!(
        text,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        line.join(" ")
    );
    for point in &series.points {
        let (x, middle) = place(point.value, point.event_ns_median);
        let (low, high) = (axes.y(point.event_ns_min), axes.y(point.event_ns_max));
        let _ = writeln!(
            text,
            "<path d=\"M{:.1} {low:.1}h8m-4 0V{high:.1}m-4 0h8\" fill=\"none\" stroke=\"{colour}\"/>\n\
             <circle cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"3.5\" fill=\"{colour}\"><title>{}: {:.1} ns \
             ({:.1}–{:.1})</title></circle>",
            x - 4.0,
            short(point.value),
            point.event_ns_median,
            point.event_ns_min,
            point.event_ns_max
        );
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::report;
    use super::*;

    #[test]
    fn every_point_has_its_dot_and_its_whisker() {
        let report = report();
        let text = svg(&report.curves[0]).expect("points");
        assert_eq!(text.matches("<circle").count(), 3);
        assert_eq!(text.matches("<path").count(), 3);
        assert_eq!(text.matches("<polyline").count(), 2);
        assert!(text.contains("two &lt;cores&gt;") && !text.contains("<cores>"));
        assert!(!text.contains("NaN") && !text.contains("inf"));
        assert!(text.contains("x=\"16\" y=\"185.0\"") && text.contains("rotate(-90 16 185.0)"));
    }

    #[test]
    fn axes_hold_all_points_and_grow_upwards() {
        let report = report();
        let axes = Axes::of(&report.curves[0]).expect("points");
        assert_eq!(axes.y, (4.0, 7.0), "16 to 128 ns hold 18 to 90");
        assert!(axes.y(90.0) < axes.y(18.0) && axes.y(18.0) <= HEIGHT - BOTTOM);
        assert!(axes.x(64) < axes.x(16_384));
    }

    #[test]
    fn one_value_alone_lies_in_the_middle() {
        let mut report = report();
        let curve = &mut report.curves[0];
        for series in &mut curve.series {
            series.points.truncate(1);
        }
        let text = svg(curve).expect("points");
        assert!(!text.contains("NaN"), "{text}");
        curve.series.clear();
        assert!(svg(curve).is_none());
    }
}
