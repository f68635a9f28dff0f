//! What can be wrong with a configuration.

use super::origin::Origin;
use crate::cli::error::CliError;

/// A configuration that cannot be used; nothing was started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: {what}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        what: String,
    },
    /// The file is not TOML.
    #[error("{file}:{line}: not TOML: {what}")]
    Syntax {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What the TOML reader says.
        what: String,
    },
    /// `-C` without `=`.
    #[error("`-C {text}` gives no value")]
    NotAnAssignment {
        /// As given.
        text: String,
    },
    /// A key or section that does not exist.
    #[error("`{key}` is not a {what}")]
    UnknownKey {
        /// The key as given.
        key: String,
        /// "setting" or "section".
        what: &'static str,
        /// The names there are in its section.
        known: String,
        /// The nearest name, if one is near.
        help: String,
        /// Where it stands.
        origin: Box<Origin>,
    },
    /// A value of another type, or one that makes no sense.
    #[error("`{key}` cannot be {value}")]
    WrongValue {
        /// The setting.
        key: String,
        /// As given.
        value: String,
        /// What is accepted.
        expected: &'static str,
        /// What to do.
        help: String,
        /// Where it stands.
        origin: Box<Origin>,
    },
    /// A setting that says nothing without another.
    #[error("`{key}` = {value} needs `{other}`")]
    Needs {
        /// The setting.
        key: String,
        /// As given.
        value: String,
        /// The one that is missing.
        other: &'static str,
        /// What would do for that.
        expected: &'static str,
        /// What to do.
        help: String,
        /// Where it stands.
        origin: Box<Origin>,
    },
    /// A number outside its limits.
    #[error("`{key}` cannot be {value}")]
    OutOfRange {
        /// The setting.
        key: String,
        /// As given.
        value: String,
        /// "1 to 4096".
        limits: String,
        /// What to do.
        help: String,
        /// Where it stands.
        origin: Box<Origin>,
    },
}

const SHOW_ALL: &str = "`millstream run --print-config` lists every setting";

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> CliError {
        let or_show_all = |help: String| {
            if help.is_empty() {
                SHOW_ALL.to_owned()
            } else {
                help
            }
        };
        match error {
            ConfigError::Unreadable { file, what } => CliError::usage(format!(
                "the configuration file cannot be read: {what}"
            ))
            .at(file)
            .help("`millstream run --print-config > millstream.toml` writes one to start from"),
            ConfigError::Syntax { file, line, what } => CliError::usage(format!(
                "the configuration file is not TOML: {what}"
            ))
            .at(format!("{file}:{line}"))
            .help("text stands in quotes, sections in [brackets]; https://toml.io has the rules"),
            ConfigError::NotAnAssignment { .. } => CliError::usage(error.to_string())
                .expected("-C key=value, such as -C runtime.cores=2")
                .help(SHOW_ALL),
            ConfigError::UnknownKey {
                ref known,
                ref help,
                ref origin,
                ..
            } => CliError::usage(error.to_string())
                .at(origin.to_string())
                .expected(format!("one of {known}"))
                .help(or_show_all(help.clone())),
            ConfigError::WrongValue {
                expected,
                ref help,
                ref origin,
                ..
            }
            | ConfigError::Needs {
                expected,
                ref help,
                ref origin,
                ..
            } => CliError::usage(error.to_string())
                .at(origin.to_string())
                .expected(expected)
                .help(or_show_all(help.clone())),
            ConfigError::OutOfRange {
                ref limits,
                ref help,
                ref origin,
                ..
            } => CliError::usage(error.to_string())
                .at(origin.to_string())
                .expected(limits.clone())
                .help(or_show_all(help.clone())),
        }
    }
}
