//! What the command says when it cannot do what was asked, and with which exit code it ends.
//!
//! ```text
//!   error: `runtime.core` is not a setting
//!     where: fast.toml:7
//!     expected: one of cores, partitions, idle, …
//!     help: did you mean `runtime.cores`?
//! ```
//!
//! Every other error of the command line becomes a `CliError` here or beside its own type; nothing
//! above `main` prints an error itself.

use std::fmt;
use std::io::{self, IsTerminal, Write};

/// How the command ended, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Ok = 0,
    /// Something failed: a file, the input, the run itself.
    Failed = 1,
    /// The command line or the configuration is wrong; nothing was started.
    Usage = 2,
    /// The run is sound, but a goal that was asked for was missed.
    GoalMissed = 3,
    /// The run's balance does not close: events are unaccounted for. Trust nothing of it.
    Unbalanced = 4,
}

/// An error as a person reads it. Build one with [`CliError::failed`] or [`CliError::usage`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CliError {
    exit: Exit,
    what: String,
    place: Option<String>,
    expected: Option<String>,
    help: Option<String>,
}

impl CliError {
    /// An error with exit code 1.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what)
    }

    /// An error with exit code 2.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// An error that ends the command with `exit`.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        CliError {
            exit,
            what: what.into(),
            place: None,
            expected: None,
            help: None,
        }
    }

    /// Where the offending value stands: `file:line`, or the flag.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// What would have been right.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// What to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Prints the error to standard error, in colour if `coloured`.
    pub fn print(&self, coloured: bool) {
        let (red, cyan, reset) = if coloured {
            ("\x1b[1;31m", "\x1b[36m", "\x1b[0m")
        } else {
            ("", "", "")
        };
        let mut text = format!("{red}error:{reset} {}\n", self.what);
        for (name, value) in self.details() {
            text += &format!("  {cyan}{name}:{reset} {value}\n");
        }
        // If not even standard error can be written to, the exit code is all that is left to say it.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    fn details(&self) -> impl Iterator<Item = (&'static str, &String)> {
        [
            ("where", &self.place),
            ("expected", &self.expected),
            ("help", &self.help),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| (name, value)))
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        for (name, value) in self.details() {
            write!(f, "; {name}: {value}")?;
        }
        Ok(())
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether to colour what goes to `stream`.
    pub fn wanted(self, stream: &impl IsTerminal) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            // https://no-color.org: any non-empty value counts.
            Color::Auto => {
                stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            }
        }
    }
}

/// Writes `text` to standard output. A reader that went away (`millstream … | head`) is no error.
///
/// # Errors
/// Any other failure to write, such as a full disk behind a redirection.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::failed(format!(
            "standard output cannot be written to: {error}"
        ))
        .help("check the disk or the program behind the redirection")),
        _ => Ok(()),
    }
}

/// Writes a line to standard error, beside the result. Lost if nobody can read it.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_expected_and_help_in_that_order() {
        let error = CliError::usage("`cores` is 0")
            .help("give it 1")
            .at("a.toml:3")
            .expected("1 to 8");
        assert_eq!(
            error.to_string(),
            "`cores` is 0; where: a.toml:3; expected: 1 to 8; help: give it 1"
        );
        assert_eq!(error.exit() as u8, 2);
    }

    #[test]
    fn exit_codes_are_those_that_scripts_rely_on() {
        let codes = [
            Exit::Ok,
            Exit::Failed,
            Exit::Usage,
            Exit::GoalMissed,
            Exit::Unbalanced,
        ];
        assert_eq!(codes.map(|exit| exit as u8), [0, 1, 2, 3, 4]);
    }
}
