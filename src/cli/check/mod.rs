//! `check --machine`: what on this machine will hurt the tail, and what to do about it.
//!
//! Each probe reads the system's own files or measures, judges what it found, and gives advice where
//! there is something to gain. What a system does not tell is said to be unknown, not good.

mod machine;
mod measure;

use super::args::GlobalArgs;
use super::error::{CliError, Exit, note, print};
use super::report::print_json;
use serde::Serialize;
use std::io::stdout;

/// How a finding bears on the tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Bearing {
    /// As it should be.
    Good,
    /// It will show in the tail.
    Care,
    /// The system does not say.
    Unknown,
}

/// What one probe found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    /// What was looked at.
    name: &'static str,
    /// How it bears on the tail.
    bearing: Bearing,
    /// What was found.
    found: String,
    /// What to do; empty where nothing is to be done.
    advice: &'static str,
}

impl Finding {
    fn good(name: &'static str, found: impl Into<String>) -> Finding {
        Finding {
            name,
            bearing: Bearing::Good,
            found: found.into(),
            advice: "",
        }
    }

    fn care(name: &'static str, found: impl Into<String>, advice: &'static str) -> Finding {
        Finding {
            name,
            bearing: Bearing::Care,
            found: found.into(),
            advice,
        }
    }

    fn unknown(name: &'static str) -> Finding {
        Finding {
            name,
            bearing: Bearing::Unknown,
            found: "the system does not say".into(),
            advice: "",
        }
    }
}

pub(super) fn check(global: &GlobalArgs) -> Result<Exit, CliError> {
    let mut findings = machine::findings();
    if !global.json && !global.quiet {
        note(&format!(
            "measuring for {} s …",
            measure::DURATION.as_secs()
        ));
    }
    findings.extend(measure::findings());
    if global.json {
        print_json(&findings)?;
    } else {
        print(&in_words(
            &findings,
            global.quiet,
            global.color.wanted(&stdout()),
        ))?;
    }
    Ok(Exit::Ok)
}

/// One line a finding, its advice below it; only what needs care if `care_only`.
fn in_words(findings: &[Finding], care_only: bool, coloured: bool) -> String {
    let mut text = String::new();
    for finding in findings {
        let (mark, colour) = match finding.bearing {
            Bearing::Good => ("ok  ", "\x1b[32m"),
            Bearing::Care => ("care", "\x1b[33m"),
            Bearing::Unknown => ("?   ", "\x1b[2m"),
        };
        if care_only && finding.bearing != Bearing::Care {
            continue;
        }
        let (colour, reset) = if coloured {
            (colour, "\x1b[0m")
        } else {
            ("", "")
        };
        text += &format!(
            "{colour}{mark}{reset}  {:<12} {}\n",
            finding.name, finding.found
        );
        if !finding.advice.is_empty() {
            text += &format!("      {:<12} → {}\n", "", finding.advice);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_stands_below_what_needs_care() {
        let findings = [
            Finding::good("clock", "tsc"),
            Finding::care("pinning", "refused", "run with the right"),
        ];
        assert_eq!(
            in_words(&findings, true, false),
            "care  pinning      refused\n                   → run with the right\n"
        );
        assert!(in_words(&findings, false, false).starts_with("ok    clock"));
    }
}
