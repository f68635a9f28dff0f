//! What can go wrong when a report is written or read.

use std::io;
use std::path::PathBuf;

/// A report could not be written or read. Each names the path, what was expected, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The directory could not be made.
    #[error("cannot create the report directory {}: {source}; choose another with --out DIR", path.display())]
    CreateDirectory {
        /// Directory asked for.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written; the file that stood there before is untouched.
    #[error("cannot write {}: {source}; nothing was left half-written, choose another directory with --out DIR", path.display())]
    Write {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be rendered.
    #[error("cannot render {}: {reason}; this is a defect, please report it with the run's configuration", path.display())]
    Render {
        /// File.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The directory holds no report.
    #[error("{} is not a report: expected a directory with summary.json in it, as written by --out DIR", path.display())]
    NotAReport {
        /// Directory asked for.
        path: PathBuf,
    },
    /// A file of the report could not be read.
    #[error("cannot read {}: {source}; a report needs all of its files, run again with --out DIR", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `summary.json` is not one.
    #[error("{} is not a summary: {source}; expected the JSON that a run wrote", path.display())]
    Summary {
        /// File.
        path: PathBuf,
        /// Line, column and what was found.
        source: serde_json::Error,
    },
    /// The summary has a layout that this build does not know.
    #[error("{}: \"version\" is {found}, expected 1 to {known}; read it with the Millstream that wrote it, or a newer one", path.display())]
    Version {
        /// File.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// The newest that this build knows.
        known: u32,
    },
    /// The interval log is damaged.
    #[error("{} is damaged: {reason}; run again with --out DIR", path.display())]
    IntervalLog {
        /// File.
        path: PathBuf,
        /// Where and what.
        reason: String,
    },
    /// The timeline is damaged.
    #[error("{} is damaged: {source}; run again with --out DIR", path.display())]
    Timeline {
        /// File.
        path: PathBuf,
        /// Line, field and what was found.
        source: csv::Error,
    },
    /// The resolved configuration is damaged.
    #[error("{} is not TOML: {source}; expected the configuration that a run wrote", path.display())]
    Config {
        /// File.
        path: PathBuf,
        /// Line, column and what was found.
        source: Box<toml::de::Error>,
    },
}
