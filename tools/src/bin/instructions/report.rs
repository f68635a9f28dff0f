//! A profile as a table and as JSON: what each part of the path takes of an event.

use super::frames::Place;
use super::part::Part;
use millstream_tools::markdown::write_table;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What one part takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartShare {
    /// Which.
    pub part: Part,
    /// Of an event: instructions, or ns.
    pub per_event: f64,
    /// Of all of it, 0 to 1.
    pub share: f64,
}

/// What one line of the source takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LineShare {
    /// File and line.
    pub line: String,
    /// Its part.
    pub part: Part,
    /// Of an event: instructions, or ns.
    pub per_event: f64,
}

/// A profile of W1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// "instructions" or "ns".
    pub unit: &'static str,
    /// How it was measured.
    pub measured: String,
    /// An event in all.
    pub per_event: f64,
    /// By part, in the order of the path; those that take nothing are left out.
    pub parts: Vec<PartShare>,
    /// By line, the dearest first.
    pub lines: Vec<LineShare>,
}

/// What was counted at one place, and how much.
pub type Count = (Place, f64);

impl Profile {
    /// A profile from what was counted; `per_count` units of an event stand for each count.
    pub fn new(unit: &'static str, measured: String, counts: &[Count], per_count: f64) -> Self {
        let mut parts: BTreeMap<Part, f64> = BTreeMap::new();
        let mut lines: BTreeMap<(&str, Part), f64> = BTreeMap::new();
        for (place, count) in counts {
            let per_event = count * per_count;
            *parts.entry(place.part).or_default() += per_event;
            *lines.entry((&place.line, place.part)).or_default() += per_event;
        }
        let all: f64 = parts.values().sum();
        let mut lines: Vec<LineShare> = lines
            .into_iter()
            .map(|((line, part), per_event)| LineShare {
                line: line.into(),
                part,
                per_event,
            })
            .collect();
        lines.sort_by(|a, b| b.per_event.total_cmp(&a.per_event));
        Profile {
            unit,
            measured,
            per_event: all,
            parts: parts
                .into_iter()
                .filter(|(_, per_event)| *per_event != 0.0)
                .map(|(part, per_event)| PartShare {
                    part,
                    per_event,
                    share: per_event / all,
                })
                .collect(),
            lines,
        }
    }

    /// As a table, with the `lines` dearest lines below.
    pub fn markdown(&self, lines: usize) -> String {
        let mut text = String::new();
        let each = format!("{} an event", self.unit);
        let mut rows: Vec<Vec<String>> = self
            .parts
            .iter()
            .map(|part| {
                vec![
                    part.part.to_string(),
                    format!("{:.1}", part.per_event),
                    format!("{:.0} %", part.share * 100.0),
                    part.part.meaning().into(),
                ]
            })
            .collect();
        rows.push(vec![
            "all".into(),
            format!("{:.1}", self.per_event),
            "100 %".into(),
            self.measured.clone(),
        ]);
        let header = ["part", each.as_str(), "share", "what it is"].map(String::from);
        write_table(&mut text, &header, &rows);
        if lines > 0 {
            let _ = writeln!(text);
            let rows: Vec<Vec<String>> = self
                .lines
                .iter()
                .take(lines)
                .map(|line| {
                    vec![
                        line.line.clone(),
                        line.part.to_string(),
                        format!("{:.1}", line.per_event),
                    ]
                })
                .collect();
            let header = ["line", "part", each.as_str()].map(String::from);
            write_table(&mut text, &header, &rows);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_to_the_whole_and_lines_are_ordered_by_their_price() {
        let at = |part: Part, line: &str| Place {
            part,
            line: line.into(),
        };
        let counts = [
            (at(Part::Table, "src/state/a.rs:1"), 3_000.0),
            (at(Part::Ring, "src/ring/b.rs:2"), 500.0),
            (at(Part::Ring, "src/ring/b.rs:3"), 500.0),
            (at(Part::Kernel, "kernel"), 0.0),
            (at(Part::Table, "src/state/a.rs:1"), 1_000.0),
        ];
        let profile = Profile::new("instructions", "1,000 events".into(), &counts, 1e-3);
        assert_eq!(profile.per_event, 5.0);
        let parts: Vec<(Part, f64)> = profile
            .parts
            .iter()
            .map(|part| (part.part, part.per_event))
            .collect();
        assert_eq!(parts, [(Part::Ring, 1.0), (Part::Table, 4.0)]);
        assert_eq!(profile.lines[0].line, "src/state/a.rs:1");
        let text = profile.markdown(1);
        assert!(
            text.contains("80 %") && text.contains("src/state/a.rs:1"),
            "{text}"
        );
        assert!(!text.contains("src/ring/b.rs:2"), "{text}");
    }
}
