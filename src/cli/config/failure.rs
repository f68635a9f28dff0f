//! `[failure]`: what is done about events at which an operator fails.

use super::choice::{FailurePolicy, KillerPage, Strike};
use super::error::ConfigError;
use super::output::ReportSection;
use super::settings::Settings;
use super::value::{DurationNs, Setting};
use crate::failure::OneIn;
use std::path::PathBuf;

/// More than so many tries of one event help nobody.
const RETRIES_LIMIT: u64 = 1_000;
/// Shorter deadlines would be met by the machine's own hiccups.
const STEP_DEADLINE_MIN_NS: u64 = 10_000_000;
/// File that failed events are set aside in, in the report's directory.
pub const FAILED_EVENTS_FILE: &str = "dead-letter-events.jsonl";

/// `[failure]`.
#[derive(Clone, Debug)]
pub struct FailureSection {
    /// What happens at last.
    pub policy: FailurePolicy,
    /// How often an event is tried again before that.
    pub retries: u32,
    /// How long its key waits before the first retry, ns.
    pub back_off_ns: u64,
    /// The dead-letter file, or "auto"; see [`FailureSection::dead_letter`].
    pub dead_letter: String,
    /// Whether it is kept what each task is at.
    pub killer_page: KillerPage,
    /// Where, or "auto"; see [`FailureSection::killer_dir`].
    pub dir: String,
    /// A step that lasts longer ends the process, ns; 0: it may last.
    pub step_deadline_ns: u64,
    /// One event in so many fails on purpose.
    pub inject: Option<u64>,
    /// How it does.
    pub inject_as: Strike,
}

impl Setting for OneIn {
    const EXPECTED: &'static str = "one in so many, such as \"1 in 1000\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl FailureSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let retries: u64 = settings.get("failure.retries")?;
        let help = "each waits twice as long as the one before; 5 are a lot";
        let retries = settings.within("failure.retries", retries, 0..=RETRIES_LIMIT, help)?;
        let DurationNs(back_off_ns) = settings.get("failure.back_off")?;
        let deadline: Option<DurationNs> = settings.get("failure.step_deadline")?;
        if deadline.is_some_and(|deadline| deadline.0 < STEP_DEADLINE_MIN_NS) {
            return Err(settings.refuse(
                "failure.step_deadline",
                "a duration of 10ms or more, or \"none\"",
                "a step takes microseconds; a machine may stop for milliseconds",
            ));
        }
        let section = FailureSection {
            policy: settings.get("failure.policy")?,
            retries: retries as u32,
            back_off_ns,
            dead_letter: settings.get("failure.dead_letter")?,
            killer_page: settings.get("failure.killer_page")?,
            dir: settings.get("failure.dir")?,
            step_deadline_ns: deadline.map_or(0, |deadline| deadline.0),
            inject: settings
                .get::<Option<OneIn>>("failure.inject")?
                .map(|OneIn(count)| count),
            inject_as: settings.get("failure.inject_as")?,
        };
        for (key, path) in [
            ("failure.dead_letter", &section.dead_letter),
            ("failure.dir", &section.dir),
        ] {
            if path.is_empty() {
                return Err(settings.refuse(key, "a path", "\"auto\" lies in report.out"));
            }
        }
        Ok(section)
    }

    /// The file that failed events are set aside in.
    pub fn dead_letter(&self, report: &ReportSection) -> PathBuf {
        match self.dead_letter.as_str() {
            "auto" => report.out.join(FAILED_EVENTS_FILE),
            given => PathBuf::from(given),
        }
    }

    /// The directory in which it is kept what each task is at, if it is.
    pub fn killer_dir(&self, report: &ReportSection) -> Option<PathBuf> {
        let on = match self.killer_page {
            KillerPage::Auto => self.policy == FailurePolicy::DeadLetter,
            KillerPage::On => true,
            KillerPage::Off => false,
        };
        on.then(|| match self.dir.as_str() {
            "auto" => report.out.clone(),
            given => PathBuf::from(given),
        })
    }
}
