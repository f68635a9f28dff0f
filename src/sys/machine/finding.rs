//! A finding: one thing looked at, how it bears on the tail, and what to do.

use serde::Serialize;
use std::fmt::Write;

/// How a finding bears on the tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be, or nothing to be done about it.
    Ok,
    /// Shows in the far percentiles.
    Warn,
    /// Spoils the figures.
    Bad,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// What was found.
    pub value: String,
    /// How it bears on the tail.
    pub verdict: Verdict,
    /// Why; empty where there is nothing to say.
    pub why: String,
    /// What to do; empty where nothing is to be done.
    pub remedy: String,
}

pub(super) fn ok(what: &'static str, value: impl Into<String>) -> Finding {
    finding(what, value, Verdict::Ok, "", "")
}

pub(super) fn finding(
    what: &'static str,
    value: impl Into<String>,
    verdict: Verdict,
    why: &str,
    remedy: &str,
) -> Finding {
    Finding {
        what,
        value: value.into(),
        verdict,
        why: why.to_string(),
        remedy: remedy.to_string(),
    }
}

/// The findings as text: one line each, and below those that are not ok the reason and the remedy.
pub fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|f| f.what.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let verdict = match finding.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Bad => "bad ",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{verdict}  {:width$}  {}",
            finding.what, finding.value
        );
        for line in [&finding.why, &finding.remedy] {
            if !line.is_empty() {
                let sign = if line == &finding.remedy { "→ " } else { "" };
                let _ = writeln!(text, "      {:width$}  {sign}{line}", "");
            }
        }
    }
    text
}
