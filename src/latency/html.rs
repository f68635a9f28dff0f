//! `report.html`: one file that one looks at rather than reads; it fetches nothing.
//!
//! ```text
//!   figures, tables, bars   plain HTML, html_section.rs and html_bars.rs; readable without scripts
//!   plots                   uPlot (assets/uplot.min.js, MIT), drawn by assets/report.js from #data
//! ```
//!
//! Invariants: text of the user passes through [`escape`]; `#data` holds numbers only; the page's own
//! policy forbids every fetch.

use super::curve::{curve, decades, positions};
use super::figure::plain;
use super::html_bars as bars;
use super::html_cache::caches;
use super::html_checkpoint::checkpoints;
use super::html_chronicle::chronicle;
use super::html_keys::hot_keys;
use super::html_pipeline::pipeline;
use super::html_section as section;
use super::interval::Interval;
use super::report::Report;
use super::timeline::TimelineRow;
use serde_json::{Value, json};

const CSS: &str = include_str!("assets/report.css");
const SCRIPT: &str = include_str!("assets/report.js");
const PLOT_CSS: &str = include_str!("assets/uplot.min.css");
const PLOT_SCRIPT: &str = include_str!("assets/uplot.min.js");
const PLOT_LICENSE: &str = include_str!("assets/uplot.LICENSE.txt");

/// Belt and braces: a browser refuses to load anything, whatever the page says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// What the plots draw: numbers only. The axis of percentiles reaches as far as the latencies do.
fn data(report: &Report) -> Value {
    let positions = positions(decades(report.latency.len()));
    let curves: Vec<Value> = [&report.latency, &report.service, &report.hiccups]
        .map(|histogram| curve(histogram, &positions))
        .into_iter()
        .map(|curve| json!({ "ns": curve.value_ns, "known": curve.known }))
        .collect();
    let rows: Vec<TimelineRow> = report.intervals.iter().map(TimelineRow::new).collect();
    let middle_s = |row: &TimelineRow| (row.start_ns as f64 + row.end_ns as f64) / 2e9;
    let column = |of: fn(&TimelineRow) -> Option<u64>| rows.iter().map(of).collect::<Vec<_>>();
    json!({
        "percentiles": { "x": positions, "curves": curves },
        "timeline": {
            "s": rows.iter().map(middle_s).collect::<Vec<_>>(),
            "end_s": report.intervals.last().map_or(0.0, |Interval { end_ns, .. }| *end_ns as f64 / 1e9),
            "p50": column(|row| row.latency_ns_p50),
            "p99": column(|row| row.latency_ns_p99),
            "p99_9": column(|row| row.latency_ns_p99_9),
            "max": column(|row| row.latency_ns_max),
            "hiccup": column(|row| Some(row.hiccup_ns_max)),
            "throughput": rows.iter().map(|row| row.throughput_events_per_s).collect::<Vec<_>>(),
        },
    })
}

/// The page.
pub(super) fn html(report: &Report, resolved_config_toml: &str) -> String {
    let summary = &report.summary;
    // No string of the user is in there; should one ever be, it could not close the element.
    let data = data(report).to_string().replace('<', "\\u003c");
    let title = escape(&summary.app);
    let body: String = [
        section::header(summary),
        section::warnings(summary),
        section::tiles(summary),
        section::balance(summary),
        section::percentiles(summary),
        section::timeline(report),
        section::stages(summary),
        caches(summary),
        pipeline(summary),
        chronicle(summary),
        hot_keys(&summary.hot_keys),
        checkpoints(summary),
        format!(
            "<div class=\"pair\">{}{}</div>",
            bars::partitions(summary),
            bars::cores(summary)
        ),
        bars::answers(summary),
        format!(
            "<div class=\"pair\">{}{}</div>",
            section::environment(summary),
            section::config(resolved_config_toml)
        ),
    ]
    .concat();
    page(&Page {
        title: &format!("{title}: latency report"),
        css: "",
        body: &format!(
            "{body}\
         <footer>Beside this file: <code>summary.json</code>, <code>latency.hgrm</code>, <code>latency.hlog</code>, \
         <code>timeline.csv</code>, <code>config.toml</code>, <code>environment.json</code>. Written by Millstream \
         {version}.</footer>\n",
            version = escape(&summary.environment.version),
        ),
        data: &data,
        script: SCRIPT,
    })
}

/// A page with plots that fetches nothing; see the head of this file for what it may hold.
pub(crate) struct Page<'a> {
    /// Escaped.
    pub(crate) title: &'a str,
    /// What it needs beside the style of reports.
    pub(crate) css: &'a str,
    /// Escaped.
    pub(crate) body: &'a str,
    /// Numbers as JSON, without any `<`.
    pub(crate) data: &'a str,
    /// Draws the plots from `#data`.
    pub(crate) script: &'a str,
}

pub(crate) fn page(page: &Page) -> String {
    let Page {
        title,
        css,
        body,
        data,
        script,
    } = page;
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{PLOT_CSS}\n{CSS}{css}</style>\n</head>\n<body>\n<main>\n\
         {body}</main>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script>/* uPlot\n{PLOT_LICENSE}*/\n{PLOT_SCRIPT}</script>\n<script>{script}</script>\n</body>\n</html>\n",
    )
}

/// `text` as HTML text or attribute value; control characters become "�".
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::sample::sample_report;
    use crate::latency::{Summary, new_histogram};

    #[test]
    fn the_page_fetches_nothing() {
        let page = html(&sample_report(), "seed = 7");
        for fetch in [
            "src=",
            "href=",
            "<link",
            "<img",
            "<iframe",
            "@import",
            "url(",
            "fetch(",
            "import(",
            "XMLHttpRequest",
        ] {
            assert!(!page.contains(fetch), "{fetch} in the page");
        }
        // The one address is the name of uPlot in its own banner, within a comment.
        let addresses: Vec<_> = page.match_indices("://").collect();
        assert_eq!(addresses.len(), 1, "{addresses:?}");
        assert!(page.contains("/*! https://github.com/leeoniya/uPlot"));
        assert!(page.contains("default-src 'none'"));
        assert!(page.contains("MIT License") && page.contains("Leon Sorokin"));
    }

    #[test]
    fn hostile_text_stays_text() {
        let hostile = "</script><script>alert(1)</script><img onerror='x' \"& </style>-->";
        let mut report = sample_report();
        let summary = &mut report.summary;
        let calm = html(&sample_report(), "seed = 7");
        for text in [
            &mut summary.app,
            &mut summary.digest,
            &mut summary.schedule.pace,
            &mut summary.stages[0].name,
            &mut summary.partitions[0].stage,
            &mut summary.cores[0].tasks[0],
            &mut summary.samples[0],
            &mut summary.warnings[0],
            &mut summary.environment.command,
            &mut summary.environment.version,
            &mut summary.environment.commit,
            &mut summary.environment.started,
        ] {
            *text = hostile.to_string();
        }
        if let Some(made) = &mut summary.allocation {
            made.allocator = hostile.to_string();
            made.objective = hostile.to_string();
        }
        summary.stages[0].partitioner = hostile.to_string();
        summary.stages[1].caches[0].name = hostile.to_string();
        summary.stages[1].caches[0].policy = hostile.to_string();
        summary.quality.insert(hostile.to_string(), 0.5);
        let page = html(&report, hostile);
        let count = |page: &str, what: &str| page.matches(what).count();
        for element in ["<script", "</script", "</style", "<img", "-->"] {
            assert_eq!(count(&page, element), count(&calm, element), "{element}");
        }
        assert!(
            count(&page, "&lt;/script&gt;&lt;script&gt;alert(1)") >= 13,
            "each is shown"
        );
        assert!(!page.contains("onerror='x'"));
    }

    #[test]
    fn the_data_are_what_the_histograms_say() {
        let report = sample_report();
        let data = data(&report);
        let latency = &data["percentiles"]["curves"][0]["ns"];
        assert_eq!(latency[80].as_u64(), report.summary.latency_ns.p99);
        assert_eq!(latency[120].as_u64(), report.summary.latency_ns.p99_9);
        assert_eq!(data["timeline"]["s"].as_array().map(Vec::len), Some(15));
        assert_eq!(data["timeline"]["end_s"], 1.5);
        assert_eq!(data["timeline"]["s"][0], 0.05);
    }

    #[test]
    fn a_run_of_nothing_has_a_page() {
        let report = Report {
            summary: Summary::default(),
            latency: new_histogram(),
            service: new_histogram(),
            hiccups: new_histogram(),
            intervals: Vec::new(),
        };
        let page = html(&report, "");
        assert!(page.contains("No intervals were recorded"));
        assert!(page.ends_with("</html>\n"));
    }
}
