//! Rows over time, a Gantt chart, as inline SVG without scripts: what `html_chronicle.rs` puts together.
//!
//! ```text
//!   name   ▁▁▅▅▅██   mean      a core: steps as high as its busy share
//!   name   0▒▒▒│1▓▓▓  mean      a task: bands in the colours of cores, marks between them, a line over them
//!          0 s   2 s            time
//! ```
//!
//! Invariants: text of the user passes through [`escape`]; neighbouring spans that look the same are one shape, and
//! all shapes of a row that look the same are one element, so that a picture has few.

use super::figure::share;
use super::html::escape;
use super::summary_chronicle::{ChronicleSummary, CoreChronicle, TaskChronicle};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Colours of cores in the page's style; they come again where there are more cores.
const COLOURS: u32 = 8;
/// Steps of a colour's strength.
const STRENGTHS: f64 = 10.0;
/// Letters of a name that fit beside its row.
const NAME_LETTERS: usize = 19;
/// Stretches on one core that are told when one points at a row.
const STRETCHES_TOLD: usize = 8;
const WIDTH: f64 = 1100.0;
const LEFT: f64 = 132.0;
const RIGHT: f64 = 56.0;
const PLOT: f64 = WIDTH - LEFT - RIGHT;
const CORE_HEIGHT: f64 = 26.0;
const TASK_HEIGHT: f64 = 18.0;
const GAP: f64 = 5.0;

fn within(share: f64) -> f64 {
    if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// The picture: a row for each of these cores and tasks, by index and with the mean that stands beside it.
pub(super) fn gantt(
    chronicle: &ChronicleSummary,
    cores: &[(usize, f64)],
    tasks: &[(usize, f64)],
) -> String {
    let end_ns = chronicle.ends_ns.last().copied().unwrap_or(0).max(1) as f64;
    let x = |ns: f64| LEFT + PLOT * ns / end_ns;
    let tasks_top = (CORE_HEIGHT + GAP) * cores.len() as f64 + GAP;
    let bottom = tasks_top + (TASK_HEIGHT + GAP) * tasks.len() as f64;
    let edges = chronicle.ends_ns.iter().map(|ns| x(*ns as f64).round());
    let mut gantt = Gantt {
        svg: format!(
            "<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"tasks on cores over time\" \
             style=\"width:100%;min-width:640px;max-width:{WIDTH}px;font-size:12px\" fill=\"currentColor\">",
            bottom + 22.0
        ),
        chronicle,
        edges: std::iter::once(LEFT).chain(edges).collect(),
    };
    // Lines of the axis first: what follows lies over them.
    let (step_ns, unit_ns, unit) = ticks(end_ns);
    for tick in 0..=(end_ns / step_ns) as u32 {
        let at_ns = f64::from(tick) * step_ns;
        let _ = write!(
            gantt.svg,
            "<path d=\"M{x:.1} 0V{bottom:.0}\" stroke=\"var(--line)\"/>\
             <text x=\"{x:.1}\" y=\"{y:.0}\" text-anchor=\"middle\" opacity=\"0.65\">{value} {unit}</text>",
            x = x(at_ns),
            y = bottom + 15.0,
            // Without what binary fractions leave: "0.3", not "0.30000000000000004".
            value = (at_ns / unit_ns * 1e6).round() / 1e6,
        );
    }
    for (row, (index, mean)) in cores.iter().enumerate() {
        let top = (CORE_HEIGHT + GAP) * row as f64;
        gantt.core(&chronicle.cores[*index], *mean, top);
    }
    for (row, (index, mean)) in tasks.iter().enumerate() {
        let top = tasks_top + (TASK_HEIGHT + GAP) * row as f64;
        gantt.task(&chronicle.tasks[*index], *mean, top);
    }
    gantt.svg + "</svg>"
}

/// What follows one another and is the same, with its first and last span.
type Run<T> = (T, usize, usize);

struct Gantt<'a> {
    svg: String,
    chronicle: &'a ChronicleSummary,
    /// Where spans begin and end, one more than there are spans; whole pixels, so that neighbours leave no gap.
    edges: Vec<f64>,
}

impl Gantt<'_> {
    fn core(&mut self, core: &CoreChronicle, mean: f64, top: f64) {
        let (name, foot) = (format!("core {}", core.core), top + CORE_HEIGHT);
        self.row(&name, &name, mean, top, CORE_HEIGHT);
        let area = self.area(&core.busy_share, foot);
        let _ = write!(
            self.svg,
            "<path d=\"{area}\" fill=\"{}\"/></g>",
            colour(core.core),
        );
    }

    fn task(&mut self, task: &TaskChronicle, mean: f64, top: f64) {
        let stretches = runs(task.core.iter().copied().take(self.spans()));
        let title = self.title(task, &stretches);
        self.row(&task.task, &title, mean, top, TASK_HEIGHT);
        self.bands(task, top);
        let line = self.line(&task.ring_fill, top + TASK_HEIGHT);
        if !line.is_empty() {
            let _ = write!(
                self.svg,
                "<path class=\"ring\" d=\"{line}\" fill=\"none\" stroke=\"currentColor\"/>"
            );
        }
        self.marks(&stretches, top);
        self.svg.push_str("</g>");
    }

    /// The colours of cores, as strong as the load: by its square root, since much is between 1 % and 10 %.
    fn bands(&mut self, task: &TaskChronicle, top: f64) {
        let strength = |load: f64| (within(load).sqrt() * STRENGTHS).round() as u32;
        let looks = task.core.iter().zip(&task.load).take(self.spans());
        let looks = looks.map(|(core, load)| core.map(|core| (core, strength(*load))));
        let mut bands: BTreeMap<(u32, u32), String> = BTreeMap::new();
        for (look, first, last) in runs(looks) {
            if let Some(look) = look {
                let (from, width) = (self.edges[first], self.edges[last + 1] - self.edges[first]);
                let band = bands.entry(look).or_default();
                let _ = write!(
                    band,
                    "M{from:.1} {top:.0}h{width:.1}v{TASK_HEIGHT}h-{width:.1}z"
                );
            }
        }
        for ((core, strength), band) in bands {
            let opacity = 0.08 + 0.92 * f64::from(strength) / STRENGTHS;
            let _ = write!(
                self.svg,
                "<path d=\"{band}\" fill=\"{}\" fill-opacity=\"{opacity:.2}\" shape-rendering=\"crispEdges\"/>",
                colour(core),
            );
        }
    }

    /// Where it moved, and the number of the core it was on.
    fn marks(&mut self, stretches: &[Run<Option<u32>>], top: f64) {
        for (core, first, last) in stretches {
            let (from, to) = (self.edges[*first], self.edges[last + 1]);
            let Some(core) = core else { continue };
            if *first > 0 {
                let _ = write!(
                    self.svg,
                    "<path class=\"moved\" d=\"M{from:.1} {:.0}v{}\" stroke=\"currentColor\" stroke-width=\"2\"/>",
                    top - 2.0,
                    TASK_HEIGHT + 4.0,
                );
            }
            // Room for the number; where there is one core, nobody asks for it.
            if to - from > 16.0 && self.chronicle.cores.len() > 1 {
                let _ = write!(
                    self.svg,
                    "<text x=\"{:.1}\" y=\"{:.0}\" font-size=\"11\" stroke=\"var(--card)\" stroke-width=\"3\" \
                     paint-order=\"stroke\">{core}</text>",
                    from + 4.0,
                    top + 13.0,
                );
            }
        }
    }

    /// Where it was and how full its rings were, in words.
    fn title(&self, task: &TaskChronicle, stretches: &[Run<Option<u32>>]) -> String {
        let mut title = task.task.clone();
        for (core, first, _) in stretches.iter().take(STRETCHES_TOLD) {
            let since_ns = first
                .checked_sub(1)
                .and_then(|before| self.chronicle.ends_ns.get(before));
            let since = since_ns.map_or(String::new(), |ns| {
                format!(" from {:.2} s", *ns as f64 / 1e9)
            });
            let _ = match core {
                Some(core) => write!(title, "; core {core}{since}"),
                None => write!(title, "; ended{since}"),
            };
        }
        if stretches.len() > STRETCHES_TOLD {
            title.push_str("; and so on");
        }
        if task.ring_slots > 0 {
            let most = task.ring_fill.iter().copied().fold(0.0, f64::max);
            let mean = self.chronicle.mean(&task.ring_fill);
            let _ = write!(
                title,
                "; rings {} full, at most {}",
                share(mean),
                share(most)
            );
        }
        title
    }

    /// Begins a row: its group, name, ground and mean.
    fn row(&mut self, name: &str, title: &str, mean: f64, top: f64, height: f64) {
        let mut short: String = name.chars().take(NAME_LETTERS).collect();
        if short.len() < name.len() {
            short.push('…');
        }
        let _ = write!(
            self.svg,
            "<g><title>{}</title><text x=\"0\" y=\"{y:.1}\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{top:.0}\" width=\"{:.0}\" height=\"{height}\" fill=\"var(--track)\"/>\
             <text x=\"{WIDTH}\" y=\"{y:.1}\" text-anchor=\"end\" opacity=\"0.65\">{}</text>",
            escape(title),
            escape(&short),
            PLOT,
            share(mean),
            y = top + height / 2.0 + 4.0,
        );
    }

    /// An area over the spans, as high above `foot` as each share says.
    fn area(&self, shares: &[f64], foot: f64) -> String {
        let mut path = format!("M{LEFT} {foot:.1}");
        for (high, _, last) in runs(self.heights(shares, CORE_HEIGHT)) {
            let _ = write!(path, "V{:.1}H{:.1}", foot - high, self.edges[last + 1]);
        }
        path + &format!("V{foot:.1}z")
    }

    /// The upper edge of such an area, where it has a height.
    fn line(&self, shares: &[f64], foot: f64) -> String {
        let mut path = String::new();
        let mut is_down = true;
        for (high, first, last) in runs(self.heights(shares, TASK_HEIGHT)) {
            match (high > 0.0, is_down) {
                (true, true) => {
                    let from = self.edges[first];
                    let _ = write!(path, "M{from:.1} {foot:.1}");
                }
                (false, false) => {
                    let _ = write!(path, "V{foot:.1}");
                }
                _ => {}
            }
            is_down = high == 0.0;
            if !is_down {
                let _ = write!(path, "V{:.1}H{:.1}", foot - high, self.edges[last + 1]);
            }
        }
        path
    }

    /// Whole pixels, so that there are few.
    fn heights<'s>(&self, shares: &'s [f64], whole: f64) -> impl Iterator<Item = f64> + use<'s> {
        let shares = shares.iter().take(self.spans());
        shares.map(move |share| (within(*share) * whole).round())
    }

    fn spans(&self) -> usize {
        self.edges.len() - 1
    }
}

fn runs<T: PartialEq + Copy>(values: impl Iterator<Item = T>) -> Vec<Run<T>> {
    let mut runs: Vec<Run<T>> = Vec::new();
    for (at, value) in values.enumerate() {
        match runs.last_mut() {
            Some((same, _, last)) if *same == value => *last = at,
            _ => runs.push((value, at, at)),
        }
    }
    runs
}

/// From one tick of the axis to the next, the unit of their numbers, both ns, and how that is called.
fn ticks(end_ns: f64) -> (f64, f64, &'static str) {
    let (unit_ns, unit) = match end_ns / 1e9 {
        0.0..600.0 => (1e9, "s"),
        600.0..36e3 => (60e9, "min"),
        _ => (3_600e9, "h"),
    };
    let least = end_ns / unit_ns / 10.0;
    let ten = 10f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * ten);
    let step = step.into_iter().find(|step| *step >= least);
    (step.unwrap_or(least) * unit_ns, unit_ns, unit)
}

fn colour(core: u32) -> String {
    format!("var(--core{})", core % COLOURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for (end_s, expected) in [
            (0.35, (0.05, "s")),
            (4.0, (0.5, "s")),
            (59.0, (10.0, "s")),
            (1_200.0, (120.0, "min")),
            (86_400.0, (18_000.0, "h")),
        ] {
            let (step_ns, _, unit) = ticks(end_s * 1e9);
            assert!(
                (step_ns / 1e9 - expected.0).abs() < 1e-6,
                "{end_s}: {step_ns}"
            );
            assert_eq!(unit, expected.1);
        }
    }

    #[test]
    fn a_line_is_drawn_where_there_is_something() {
        let gantt = Gantt {
            svg: String::new(),
            chronicle: &ChronicleSummary::default(),
            edges: (0..=6).map(f64::from).collect(),
        };
        let line = gantt.line(&[0.0, 0.5, 0.5, 1.0, 0.01, 7.0, 7.0], 20.0);
        assert_eq!(line, "M1.0 20.0V11.0H3.0V2.0H4.0V20.0M5.0 20.0V2.0H6.0");
        assert_eq!(gantt.line(&[0.0; 6], 20.0), "");
        assert_eq!(
            gantt.area(&[0.5, 0.0], 26.0),
            format!("M{LEFT} 26.0V13.0H1.0V26.0H2.0V26.0z")
        );
    }
}
