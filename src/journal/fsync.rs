//! When a journal is made safe, and what that means for a crash.

use crate::sys::quantity::{exact_duration, parse_duration_ns};
use std::fmt;
use std::str::FromStr;

/// `journal.fsync`: "always", "interval 5ms" or "never".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// With each append, before its records are handed on.
    Always,
    /// With the first append after so long, ns.
    Interval(u64),
    /// When the system likes.
    Never,
}

impl Fsync {
    /// Whether an append at `now_ns` is to be synced, the last sync being at `synced_at_ns`.
    pub(super) fn is_due(self, synced_at_ns: u64, now_ns: u64) -> bool {
        match self {
            Fsync::Always => true,
            Fsync::Interval(interval_ns) => now_ns.saturating_sub(synced_at_ns) >= interval_ns,
            Fsync::Never => false,
        }
    }

    /// What may be lost, for the report.
    pub fn loss(self) -> String {
        match self {
            Fsync::Always => "nothing that was answered is lost, whatever crashes".into(),
            Fsync::Interval(interval_ns) => format!(
                "nothing is lost if the process dies; if the machine does, about the last {} of input, \
                 and what came last before a pause",
                exact_duration(interval_ns)
            ),
            Fsync::Never => {
                "nothing is lost if the process dies; if the machine does, what the system \
                 had not written back, often the last 30s of input"
                    .into()
            }
        }
    }
}

impl fmt::Display for Fsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fsync::Always => f.write_str("always"),
            Fsync::Interval(interval_ns) => write!(f, "interval {}", exact_duration(*interval_ns)),
            Fsync::Never => f.write_str("never"),
        }
    }
}

impl FromStr for Fsync {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |problem: String| {
            format!(
                "`{text}` is not a policy of journal.fsync: {problem}; expected always, never or interval TIME, such as interval 5ms"
            )
        };
        match text.trim().split_once(' ') {
            None if text.trim() == "always" => Ok(Fsync::Always),
            None if text.trim() == "never" => Ok(Fsync::Never),
            Some(("interval", time)) => match parse_duration_ns(time.trim()) {
                Ok(0) => Err(refuse("an interval of nothing is `always`".into())),
                Ok(interval_ns) => Ok(Fsync::Interval(interval_ns)),
                Err(error) => Err(refuse(error.to_string())),
            },
            _ => Err(refuse("there is none of that name".into())),
        }
    }
}
