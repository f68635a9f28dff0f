//! What can be wrong with a trace: which file, where in it, what was found, what was expected, what to do.
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Where in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line of text, counted from 1.
    Line(u64),
    /// A byte, counted from 0 in the decompressed content.
    Offset(u64),
}

/// The class of a trouble with a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No such file.
    Missing,
    /// A directory where a file belongs.
    Directory,
    /// The file may not be read.
    Permission,
    /// Any other error of the operating system.
    Io,
    /// Nothing in it.
    Empty,
    /// A header and no record.
    HeaderOnly,
    /// It ends too early.
    Truncated,
    /// Its bytes are not what its checksum, magic or compression says.
    Corrupt,
    /// An option that makes no sense, or not with this file.
    Option,
    /// A column that is not there, or no column for the key.
    Column,
    /// A time unit that can not be recognised.
    TimeUnit,
    /// A format that can not be recognised.
    Format,
    /// A native file with another record layout than the one asked for.
    Layout,
    /// A bad record, where bad records end the run.
    Record,
    /// A stamp before its predecessor, where disorder ends the run.
    Disorder,
    /// Two different texts with one hash.
    Collision,
}

/// A trace that can not be read (on), in full sentences. See the accessors for the parts.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct TraceError {
    detail: Box<Detail>,
    source: Option<io::Error>,
}

#[derive(Debug)]
struct Detail {
    kind: ErrorKind,
    file: PathBuf,
    place: Place,
    what: String,
    value: Option<String>,
    expected: String,
    remedy: String,
}

impl TraceError {
    pub(super) fn new(kind: ErrorKind, file: &Path, what: impl Into<String>) -> Self {
        let detail = Detail {
            kind,
            file: file.to_path_buf(),
            place: Place::File,
            what: what.into(),
            value: None,
            expected: String::new(),
            remedy: String::new(),
        };
        TraceError {
            detail: Box::new(detail),
            source: None,
        }
    }

    pub(super) fn at(mut self, place: Place) -> Self {
        self.detail.place = place;
        self
    }

    pub(super) fn value(mut self, value: impl Into<String>) -> Self {
        self.detail.value = Some(shorten(value.into()));
        self
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.detail.expected = expected.into();
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.detail.remedy = remedy.into();
        self
    }

    pub(super) fn caused_by(mut self, error: io::Error) -> Self {
        self.source = Some(error);
        self
    }

    /// A trace that ends `missing` records before record `at`, where it is to go on.
    pub(in crate::source) fn shorter(file: &Path, at: u64, missing: u64) -> Self {
        TraceError::new(
            ErrorKind::Truncated,
            file,
            "it ends before the place where the checkpoint was taken",
        )
        .value(format!("{} records", at - missing))
        .expected(format!("at least {at} records"))
        .remedy("restore with the trace of that run, or start afresh without --restore")
    }

    /// An error of the operating system on `file` while doing `doing` ("open", "write" …).
    pub(in crate::source) fn io(file: &Path, doing: &str, error: io::Error) -> Self {
        let (kind, what, remedy) = match error.kind() {
            io::ErrorKind::NotFound => (
                ErrorKind::Missing,
                "no such file".to_string(),
                "check the path",
            ),
            io::ErrorKind::PermissionDenied => (
                ErrorKind::Permission,
                format!("no permission to {doing} it"),
                "check its owner and mode",
            ),
            io::ErrorKind::IsADirectory => (
                ErrorKind::Directory,
                "is a directory".to_string(),
                "name a file in it",
            ),
            _ => (
                ErrorKind::Io,
                format!("cannot {doing} it: {error}"),
                "check the disk",
            ),
        };
        TraceError::new(kind, file, what)
            .expected(format!("a file to {doing}"))
            .remedy(remedy)
            .caused_by(error)
    }

    /// The class of the trouble.
    pub fn kind(&self) -> ErrorKind {
        self.detail.kind
    }

    /// The file concerned.
    pub fn file(&self) -> &Path {
        &self.detail.file
    }

    /// Where in the file.
    pub fn place(&self) -> Place {
        self.detail.place
    }

    /// What was found there, shortened.
    pub fn found(&self) -> Option<&str> {
        self.detail.value.as_deref()
    }

    /// What was expected instead.
    pub fn wanted(&self) -> &str {
        &self.detail.expected
    }

    /// What to do.
    pub fn advice(&self) -> &str {
        &self.detail.remedy
    }

    /// Whether the caller asked for something wrong (a column, an option, a unit that must be declared),
    /// as opposed to a file or machine that failed.
    pub fn is_usage(&self) -> bool {
        use ErrorKind::*;
        matches!(self.kind(), Option | Column | TimeUnit | Format | Layout)
    }

    /// The exit code of a command that ends with this error: 2 for usage, else 1.
    pub fn exit_code(&self) -> u8 {
        if self.is_usage() { 2 } else { 1 }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.place {
            Place::File => {}
            Place::Line(line) => write!(f, ", line {line}")?,
            Place::Offset(offset) => write!(f, ", byte {offset}")?,
        }
        write!(f, ": {}", self.what)?;
        if let Some(value) = &self.value {
            write!(f, ": found {value:?}")?;
        }
        if !self.expected.is_empty() {
            write!(f, "; expected {}", self.expected)?;
        }
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

/// At most 120 characters: an error is read on a terminal.
pub(super) fn shorten(text: String) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_everything_in_one_line() {
        let error = TraceError::new(ErrorKind::Column, Path::new("a.csv"), "no column \"usr\"")
            .at(Place::Line(1))
            .value("usr")
            .expected("one of user, item")
            .remedy("did you mean \"user\"?");
        let said = "a.csv, line 1: no column \"usr\": found \"usr\"; expected one of user, item; did you mean \"user\"?";
        assert_eq!(error.to_string(), said);
        assert!(error.is_usage() && error.exit_code() == 2);
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        let short = shorten("é".repeat(500));
        assert_eq!(short.chars().count(), 121);
    }
}
