//! Where a setting's value comes from, for messages.

use std::fmt;

/// Who gave a setting its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `default.toml`.
    Default,
    /// The subcommand, such as `bench`, whose default differs.
    Command(&'static str),
    /// A configuration file; line from 1.
    File(String, usize),
    /// `-C`.
    Override,
    /// A flag or an argument, as its help names it.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => write!(f, "the default"),
            Origin::Command(name) => write!(f, "the default of `{name}`"),
            Origin::File(path, line) => write!(f, "{path}:{line}"),
            Origin::Override => write!(f, "-C on the command line"),
            Origin::Flag(flag) => write!(f, "{flag} on the command line"),
        }
    }
}
