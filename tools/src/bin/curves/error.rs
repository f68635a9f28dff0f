//! What can go wrong while curves are measured, and what to do about it.

use millstream::source::load::ParseError;
use millstream_tools::question::Answer;
use std::path::PathBuf;

/// Why there are no curves.
#[derive(Debug, thiserror::Error)]
pub enum CurveError {
    /// A point that cannot be run.
    #[error("{what} is `{value}`; expected {expected}")]
    Point {
        /// Which setting.
        what: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// A distribution of keys that is none.
    #[error(transparent)]
    Keys(#[from] ParseError),
    /// The engine did not end well.
    #[error("the run failed: {0}")]
    Run(String),
    /// A point answered something else than a plain loop.
    #[error("{label} answered wrongly: {got}, expected {expected}; no figure of this run counts")]
    Wrong {
        /// Curve, series and value.
        label: String,
        /// By the engine.
        got: Answer,
        /// By a plain loop over the same events.
        expected: Answer,
    },
    /// The process of a turn could not be started, or failed.
    #[error("{label}: {problem}")]
    Turn {
        /// Curve, series and value.
        label: String,
        /// What happened.
        problem: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A document has the beginning of a generated part and not its end.
    #[error(
        "{}: `{begin}` without `{end}` below it; put that line back, or take the first one out", path.display()
    )]
    Unclosed {
        /// Which document.
        path: PathBuf,
        /// The line that begins the part.
        begin: String,
        /// The line that is missing.
        end: String,
    },
}
