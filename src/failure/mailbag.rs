//! Reading dead-letter files: those of events that failed, and those of records that no reader understood.

use super::letter::EventLetter;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One line of a dead-letter file that tells of a bad record of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRecordLetter {
    /// The trace.
    pub file: String,
    /// Line of the record, from 1; in text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Offset of the record, bytes; elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Why it was not understood.
    pub reason: String,
    /// The part that was not.
    pub value: String,
    /// What would have been.
    pub expected: String,
    /// What to do.
    pub remedy: String,
    /// The record.
    pub raw: String,
    /// Its bytes, where they are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_hex: Option<String>,
}

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Mail {
    /// An event that failed.
    Event(EventLetter),
    /// A record that was not understood.
    BadRecord(BadRecordLetter),
}

/// The letters of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbag {
    /// In the order of the file.
    pub letters: Vec<Mail>,
    /// Lines, from 1, that are no letters: a crash cut them off.
    pub torn_lines: Vec<u64>,
}

/// Why letters cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The file cannot be read.
    #[error("{}: cannot read it: {source}", file.display())]
    Io {
        /// Which.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is another kind of file.
    #[error("{}: no line of it is a dead letter; name a dead-letter file or the report directory of a run", file.display())]
    Foreign {
        /// Which.
        file: PathBuf,
    },
}

/// Reads the letters in `path`. Lines that are none are counted, as long as there is one that is.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub fn read_letters(path: &Path) -> Result<Mailbag, MailError> {
    let bytes = std::fs::read(path).map_err(|source| MailError::Io {
        file: path.to_path_buf(),
        source,
    })?;
    let mut bag = Mailbag::default();
    let lines = bytes.split(|byte| *byte == b'\n').zip(1u64..);
    for (line, number) in lines.filter(|(line, _)| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(mail) => bag.letters.push(mail),
            Err(_) => bag.torn_lines.push(number),
        }
    }
    if bag.letters.is_empty() && !bag.torn_lines.is_empty() {
        return Err(MailError::Foreign {
            file: path.to_path_buf(),
        });
    }
    Ok(bag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_told_apart_and_other_files_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("letters.jsonl");
        let record = r#"{"file":"t.csv","line":3,"reason":"r","value":"x1","expected":"e","remedy":"m","raw":"x1,11\n"}"#;
        let event = r#"{"run_ms":1,"stage":"s","stage_index":1,"partition":0,"key":7,"due_ns":2,"tries":1,"reason":"r","event":"e"}"#;
        std::fs::write(&path, format!("{record}\n{event}\n{{\"run")).expect("written");
        let bag = read_letters(&path).expect("letters");
        assert!(matches!(&bag.letters[0], Mail::BadRecord(letter) if letter.line == Some(3)));
        assert!(matches!(&bag.letters[1], Mail::Event(letter) if letter.key == 7));
        assert_eq!((bag.letters.len(), bag.torn_lines), (2, vec![3]));
        std::fs::write(&path, "key,value\n1,2\n").expect("written");
        assert!(matches!(
            read_letters(&path),
            Err(MailError::Foreign { .. })
        ));
        assert!(matches!(
            read_letters(dir.path()),
            Err(MailError::Io { .. })
        ));
    }
}
