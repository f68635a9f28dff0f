//! A directory of its own for each test, the command run in it, and what its answers must always hold.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The files of a report, in the order of their names.
pub(crate) const REPORT_FILES: [&str; 7] = [
    "config.toml",
    "environment.json",
    "latency.hgrm",
    "latency.hlog",
    "report.html",
    "summary.json",
    "timeline.csv",
];

/// A directory that goes when the test does.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Scratch(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    /// The command, to be run here.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        command(self.0.path(), args)
    }

    /// Runs the command here to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the command starts")
    }

    /// Runs the command here with `--json`; asserts that it is well and balances, and gives the summary.
    pub(crate) fn summary(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?}: {}",
            stderr(&output)
        );
        let summary: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{args:?}: not JSON alone: {error}"));
        assert_balanced(&summary);
        summary
    }

    /// Asserts that the command is refused with `code` and says `parts`, and that no file came into being.
    pub(crate) fn assert_refused(&self, args: &[&str], code: i32, parts: &[&str]) {
        let before = self.names();
        let output = self.run(args);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
        assert_eq!(stdout(&output), "", "{args:?}");
        for part in [&["error:"], parts].concat() {
            assert!(
                message.contains(part),
                "{args:?}: {part:?} is not in:\n{message}"
            );
        }
        assert_eq!(self.names(), before, "{args:?} left something behind");
    }

    /// All files and directories, however deep, in order of name.
    pub(crate) fn names(&self) -> Vec<PathBuf> {
        let (mut found, mut open) = (Vec::new(), vec![self.0.path().to_path_buf()]);
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    open.push(path.clone());
                }
                found.push(path);
            }
        }
        found.sort();
        found
    }
}

/// The command, to be run in `directory`.
pub(crate) fn command(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millstream"));
    command
        .args(args)
        .current_dir(directory)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    command
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// The count of that name.
pub(crate) fn count(summary: &Value, name: &str) -> u64 {
    summary[name]
        .as_u64()
        .unwrap_or_else(|| panic!("{name} is no count in {summary}"))
}

/// Asserts the balance by its terms, not by the command's own word for it alone.
pub(crate) fn assert_balanced(summary: &Value) {
    let term = |name: &str| count(summary, name);
    let gone = ["out", "filtered", "late", "dead_letter", "shed"]
        .map(|name| term(&format!("events_{name}")));
    assert_eq!(
        term("events_in") + term("events_expanded"),
        gone.iter().sum::<u64>(),
        "{summary:#}"
    );
    assert_eq!(term("events_in_flight"), 0, "a run that ended has drained");
    assert_eq!(summary["balanced"], true);
}

/// The summary that lies in a report directory.
pub(crate) fn read_summary(directory: &Path) -> Value {
    let text = std::fs::read_to_string(directory.join("summary.json")).expect("a summary");
    serde_json::from_str(&text).expect("JSON")
}

/// Asserts that the report directory holds all files of a report, none empty.
pub(crate) fn assert_report(directory: &Path) {
    for name in REPORT_FILES {
        let length = std::fs::metadata(directory.join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .len();
        assert!(length > 0, "{name} is empty");
    }
}
