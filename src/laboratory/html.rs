//! `miss_ratios.html`: the curves of every trace, and the tables below them; one file that fetches nothing.
//!
//! The page, its style and uPlot are those of the latency report (`latency/html.rs`), whose rules hold here:
//! text of the user is escaped, `#data` holds numbers and our own names only.

use super::finding::Finding;
use super::size::Unit;
use super::study::{Measured, Study};
use super::table::{accuracy, grouped};
use crate::latency::{Page, escape, page};
use serde_json::{Value, json};

const SCRIPT: &str = include_str!("assets/miss_ratios.js");
/// A colour for each policy, by its place, and the floor's; told apart on light and dark ground.
const CSS: &str = ":root{--p0:#98a1af;--p1:#2459d6;--p2:#b3261e;--p3:#d0760a;--p4:#7a3fc4;--p5:#0a8f86;--p6:#c2387f;\
                   --p7:#6b8e23;--floor:#14181f}@media (prefers-color-scheme:dark){:root{--p1:#6c9bff;--p2:#ff8f86;\
                   --p3:#f0a23c;--p4:#b79cff;--p5:#35c2b4;--p6:#f58cc0;--p7:#b5d069;--floor:#e8ebf0}}\
                   td.best{font-weight:680}td small{color:var(--soft);margin-left:6px}";
/// Colours of policies.
const SHADES: usize = 8;

/// One table and plot: a trace, and what its sizes count.
struct Sheet<'a> {
    finding: &'a Finding,
    unit: Unit,
    places: Vec<usize>,
}

/// The page of all traces.
pub fn html<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let sheets: Vec<Sheet> = findings.into_iter().flat_map(sheets).collect();
    let body: String = sheets
        .iter()
        .enumerate()
        .map(|(index, sheet)| section(index, sheet))
        .collect();
    let data: Vec<Value> = sheets.iter().map(data).collect();
    let version = env!("CARGO_PKG_VERSION");
    page(&Page {
        title: "Miss ratios",
        css: CSS,
        body: &format!(
            "<header><h1>Miss ratios</h1><div class=\"sub\">Caches start empty; first requests count as misses.</div>\
             </header>\n{body}<footer>Beside this file: <code>miss_ratios.csv</code>, <code>miss_ratios.json</code>. \
             Written by Millstream {version}.</footer>\n"
        ),
        data: &Value::from(data).to_string().replace('<', "\\u003c"),
        script: SCRIPT,
    })
}

fn sheets(finding: &Finding) -> impl Iterator<Item = Sheet<'_>> {
    [Unit::Objects, Unit::Bytes]
        .into_iter()
        .filter_map(move |unit| {
            let columns = finding.study.columns.iter().enumerate();
            let places: Vec<usize> = columns
                .filter(|(_, column)| column.unit == unit)
                .map(|(place, _)| place)
                .collect();
            (!places.is_empty()).then_some(Sheet {
                finding,
                unit,
                places,
            })
        })
}

fn shade(index: usize) -> String {
    format!("p{}", index % SHADES)
}

fn data(sheet: &Sheet) -> Value {
    let study = &sheet.finding.study;
    let ratios = |cells: &[Option<Measured>]| -> Vec<Option<f64>> {
        let cells = sheet.places.iter().map(|place| cells[*place]);
        cells.map(|cell| cell.map(|cell| cell.miss_ratio)).collect()
    };
    let policies = study.contenders.iter().zip(&study.cells).enumerate();
    let mut policies: Vec<Value> = policies
        .map(|(index, (contender, cells))| {
            json!({ "name": contender.name(), "shade": shade(index), "floor": false, "miss_ratios": ratios(cells) })
        })
        .collect();
    if has_floor(study, sheet) {
        let floor = ratios(&study.floor);
        policies
            .push(json!({ "name": "opt", "shade": "floor", "floor": true, "miss_ratios": floor }));
    }
    let sizes: Vec<u64> = sheet
        .places
        .iter()
        .map(|place| study.columns[*place].size)
        .collect();
    json!({ "bytes": sheet.unit == Unit::Bytes, "sizes": sizes, "policies": policies })
}

fn has_floor(study: &Study, sheet: &Sheet) -> bool {
    sheet
        .places
        .iter()
        .any(|place| study.floor[*place].is_some())
}

fn section(index: usize, sheet: &Sheet) -> String {
    let (finding, study) = (sheet.finding, &sheet.finding.study);
    let about = if finding.rate < 1.0 { "about " } else { "" };
    let sample = accuracy(finding).map_or(String::new(), |error| {
        format!(
            " A sample of {:.4} % of the keys: {error}.",
            finding.rate * 100.0
        )
    });
    let head: String = sheet
        .places
        .iter()
        .map(|place| {
            let column = &study.columns[*place];
            format!("<th>{}<br>{}</th>", column.asked, grouped(column.size))
        })
        .collect();
    let mut rows = String::new();
    for (policy, (contender, cells)) in study.contenders.iter().zip(&study.cells).enumerate() {
        let name = contender.name();
        rows += &row(sheet, &shade(policy), name, cells);
    }
    if has_floor(study, sheet) {
        rows += &row(sheet, "floor", "opt (floor)", &study.floor);
    }
    format!(
        "<section class=\"card\"><h2>{}</h2><p>{} requests for {about}{} distinct keys.{sample}</p>\
         <div class=\"legend\" id=\"legend-{index}\"></div><div class=\"plot\" id=\"plot-{index}\"></div>\
         <noscript><p class=\"empty\">The plot needs scripts; the table does not.</p></noscript>\
         <div class=\"scroll\"><table><tr><th>miss ratio, %; {}</th>{head}</tr>{rows}</table></div></section>\n",
        escape(&finding.trace),
        grouped(finding.requests),
        grouped(finding.distinct),
        sheet.unit.name(),
    )
}

fn row(sheet: &Sheet, shade: &str, name: &str, cells: &[Option<Measured>]) -> String {
    let study = &sheet.finding.study;
    let cells = sheet.places.iter().map(|place| {
        let Some(cell) = cells[*place] else {
            return "<td>–</td>".to_owned();
        };
        let others = study.cells.iter().filter_map(|cells| cells[*place]);
        let best = others.map(|other| other.miss_ratio).min_by(f64::total_cmp);
        let is_best = shade != "floor" && Some(cell.miss_ratio) == best;
        let class = if is_best { " class=\"best\"" } else { "" };
        let above = match study.floor[*place] {
            Some(floor) if shade != "floor" => {
                format!(
                    "<small>{:+.2}</small>",
                    (cell.miss_ratio - floor.miss_ratio) * 100.0
                )
            }
            _ => String::new(),
        };
        format!("<td{class}>{:.2}{above}</td>", cell.miss_ratio * 100.0)
    });
    let cells: String = cells.collect();
    format!(
        "<tr><td><i class=\"swatch\" style=\"background:var(--{shade})\"></i>{name}</td>{cells}</tr>"
    )
}
