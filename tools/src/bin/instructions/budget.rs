//! What an event of W1 may come to, in instructions: a committed file, and the judgement of a count against it.

use super::error::ProfileError;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What is allowed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The cargo profile that it was counted in: others compile other code.
    pub profile: String,
    /// Instructions an event.
    pub event_instructions: f64,
    /// By how much a count may differ from it, percent.
    pub tolerance_percent: f64,
}

/// How a count stands to the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within the tolerance.
    Kept,
    /// More than that above.
    Grown,
    /// More than that below: the budget no longer guards anything.
    Fallen,
}

impl Budget {
    /// Where it is committed.
    pub fn path() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("budget.toml")
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, or is not a budget.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let file = |problem: String| ProfileError::File {
            path: path.into(),
            problem,
        };
        let text = std::fs::read_to_string(path).map_err(|error| file(error.to_string()))?;
        Self::parse(&text).map_err(file)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let budget: Budget = toml::from_str(text).map_err(|error| error.to_string())?;
        if budget.event_instructions <= 0.0 || budget.tolerance_percent <= 0.0 {
            return Err(format!("expected numbers above 0, in {budget:?}"));
        }
        Ok(budget)
    }

    /// Judges `event_instructions`.
    pub fn judge(&self, event_instructions: f64) -> Verdict {
        let tolerance = self.tolerance_percent / 100.0;
        if event_instructions > self.event_instructions * (1.0 + tolerance) {
            Verdict::Grown
        } else if event_instructions < self.event_instructions * (1.0 - tolerance) {
            Verdict::Fallen
        } else {
            Verdict::Kept
        }
    }

    /// The judgement in words, with what is to be done.
    pub fn words(&self, event_instructions: f64) -> String {
        let counted = format!(
            "{event_instructions:.1} instructions an event, budget {:.1} ({:+.1} %)",
            self.event_instructions,
            self.change_percent(event_instructions)
        );
        match self.judge(event_instructions) {
            Verdict::Kept => format!("{counted}: kept"),
            Verdict::Grown => format!(
                "{counted}: grown by more than {} %. The table says in which part. Take it out again, or, if it is \
                 worth its price, raise event_instructions in tools/budget.toml and say why in docs/performance.md",
                self.tolerance_percent
            ),
            Verdict::Fallen => format!(
                "{counted}: fallen by more than {} %. Lower event_instructions in tools/budget.toml to {:.1}, so \
                 that it cannot come back unseen",
                self.tolerance_percent, event_instructions
            ),
        }
    }

    fn change_percent(&self, event_instructions: f64) -> f64 {
        (event_instructions / self.event_instructions - 1.0) * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callgrind::{Counted, tests::SAMPLE};

    fn budget(event_instructions: f64) -> Budget {
        Budget {
            profile: "measure".into(),
            event_instructions,
            tolerance_percent: 10.0,
        }
    }

    /// What callgrind's files of two runs come to an event, the larger with `per_event` at one address.
    fn counted(per_event: i64) -> f64 {
        let fewer = Counted::parse(SAMPLE).expect("a real file");
        let added = 1_000 * per_event;
        let more = SAMPLE
            .replace("0x100 1000", &format!("0x100 {}", 1_000 + added))
            .replace("1212", &(1_212 + added).to_string());
        let more = Counted::parse(&more).expect("a real file");
        more.minus(&fewer).total() as f64 / 1_000.0
    }

    #[test]
    fn a_count_that_has_grown_by_more_than_a_tenth_fails() {
        let budget = budget(100.0);
        for (per_event, verdict) in [
            (100, Verdict::Kept),
            (110, Verdict::Kept),
            (111, Verdict::Grown),
            (200, Verdict::Grown),
            (90, Verdict::Kept),
            (89, Verdict::Fallen),
        ] {
            assert_eq!(budget.judge(counted(per_event)), verdict, "{per_event}");
        }
    }

    #[test]
    fn the_words_say_what_to_do() {
        let words = budget(100.0).words(counted(125));
        assert!(words.starts_with("125.0 instructions an event, budget 100.0 (+25.0 %): grown"));
        let words = budget(100.0).words(counted(50));
        assert!(
            words.contains("Lower event_instructions in tools/budget.toml to 50.0"),
            "{words}"
        );
    }

    #[test]
    fn the_committed_budget_can_be_read() {
        let budget = Budget::read(&Budget::path()).expect("tools/budget.toml");
        assert_eq!(budget.profile, "measure");
        assert_eq!(budget.tolerance_percent, 10.0);
    }

    #[test]
    fn nonsense_is_no_budget() {
        for text in [
            "profile = \"measure\"\nevent_instructions = 0\ntolerance_percent = 10",
            "profile = \"measure\"\nevent_instructions = 100\ntolerance_percent = 10\nmore = 1",
            "",
        ] {
            assert!(Budget::parse(text).is_err(), "{text}");
        }
    }
}
