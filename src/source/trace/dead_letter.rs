//! The dead-letter file: every bad record with its place, its reason and its raw text, one JSON object a line.
//!
//! Created with the first bad record, so that a clean run leaves no file behind. Owned by the `Intake`.
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::{Place, TraceError, shorten};

/// A record that could not be understood.
#[derive(Debug)]
pub(super) struct BadRecord {
    pub(super) place: Place,
    pub(super) reason: String,
    pub(super) value: String,
    pub(super) expected: String,
    pub(super) remedy: String,
    pub(super) raw: Vec<u8>,
}

/// One line of the file.
#[derive(Serialize)]
struct Letter<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    reason: &'a str,
    value: &'a str,
    expected: &'a str,
    remedy: &'a str,
    raw: &'a str,
    /// The bytes, where they are not UTF-8 and `raw` is their lossy reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_hex: Option<String>,
}

pub(super) struct DeadLetter {
    path: Option<PathBuf>,
    file: Option<BufWriter<File>>,
}

impl DeadLetter {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        DeadLetter { path, file: None }
    }

    pub(super) fn write(&mut self, trace: &Path, bad: &BadRecord) -> Result<(), TraceError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let failed = |error| TraceError::io(path, "write", error);
                // The report's directory, where letters go by default, may be made only at the end.
                if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
                    std::fs::create_dir_all(dir).map_err(failed)?;
                }
                let file = File::create(path).map_err(failed)?;
                self.file.insert(BufWriter::new(file))
            }
        };
        let raw = String::from_utf8_lossy(&bad.raw);
        let lossy = matches!(raw, std::borrow::Cow::Owned(_));
        let letter = Letter {
            file: &trace.to_string_lossy(),
            line: if let Place::Line(line) = bad.place {
                Some(line)
            } else {
                None
            },
            offset: if let Place::Offset(offset) = bad.place {
                Some(offset)
            } else {
                None
            },
            reason: &bad.reason,
            value: &shorten(bad.value.clone()),
            expected: &bad.expected,
            remedy: &bad.remedy,
            raw: &raw,
            raw_hex: lossy.then(|| bad.raw.iter().map(|byte| format!("{byte:02x}")).collect()),
        };
        serde_json::to_writer(&mut *file, &letter)
            .map_err(std::io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            .map_err(|error| TraceError::io(path, "write", error))
    }

    pub(super) fn flush(&mut self) -> Result<(), TraceError> {
        match (&mut self.file, &self.path) {
            (Some(file), Some(path)) => file
                .flush()
                .map_err(|error| TraceError::io(path, "write", error)),
            _ => Ok(()),
        }
    }
}
