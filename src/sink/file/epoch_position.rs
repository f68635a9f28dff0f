//! Where a file of results stands at an epoch, as a checkpoint keeps it.
//!
//! ```text
//!   bytes of the file    0 ───────────── start ─────── start ─────────── len
//!                        │ published     │ after-11    │ after-12        │      position at epoch 13:
//!                        └ crc of all of it ─────────────────────────────┘      12 was not durable yet
//! ```
//!
//! Encoded with `postcard` behind a version byte and the format of the file. Pure.

use super::encode::FileFormat;
use super::error::SinkError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Of the encoding.
const VERSION: u8 = 1;

/// A file of results at the end of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EpochPosition {
    pub(super) epoch: u64,
    /// Rows up to the epoch.
    pub(super) rows: u64,
    /// Bytes of the file with everything up to the epoch.
    pub(super) len: u64,
    /// Their CRC-32C.
    pub(super) crc: u32,
    /// Those of its bytes that were not published yet, in order.
    pub(super) segments: Vec<SegmentPosition>,
}

/// One segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SegmentPosition {
    /// The epoch that had been closed when it began.
    pub(super) after: u64,
    /// Where its bytes belong in the file.
    pub(super) start: u64,
    /// How many there are.
    pub(super) len: u64,
    /// Their CRC-32C.
    pub(super) crc: u32,
}

impl SegmentPosition {
    pub(super) fn empty(after: u64, start: u64) -> Self {
        SegmentPosition {
            after,
            start,
            len: 0,
            crc: 0,
        }
    }

    /// Its file, beside `results`.
    pub(super) fn path(&self, results: &Path) -> PathBuf {
        let mut path = results.as_os_str().to_owned();
        path.push(format!(".after-{}", self.after));
        path.into()
    }

    /// Whether `name` is that of a segment of `results`.
    pub(super) fn is_name(name: &str, results: &Path) -> bool {
        let own = results.file_name().unwrap_or_default().to_string_lossy();
        let after = name.strip_prefix(&*own);
        let after = after.and_then(|rest| rest.strip_prefix(".after-"));
        after.is_some_and(|epoch| epoch.parse::<u64>().is_ok())
    }
}

impl EpochPosition {
    pub(super) fn encode(&self, format: FileFormat) -> Vec<u8> {
        // A vector grows; nothing else can fail.
        postcard::to_stdvec(&(VERSION, format, self)).unwrap_or_default()
    }

    /// What `bytes` say of the file at `path`.
    pub(super) fn decode(path: &Path, format: FileFormat, bytes: &[u8]) -> Result<Self, SinkError> {
        let refuse = |problem: String| SinkError::NotOfCheckpoint {
            file: path.to_path_buf(),
            problem,
        };
        let version = bytes.first().copied().unwrap_or_default();
        if version != VERSION {
            return Err(refuse(format!(
                "the checkpoint describes it in version {version}, and this program reads {VERSION}"
            )));
        }
        let read = postcard::take_from_bytes::<(u8, FileFormat, EpochPosition)>(bytes);
        let Ok(((_, was, position), [])) = read else {
            return Err(refuse(
                "what the checkpoint says of it cannot be read".into(),
            ));
        };
        if was != format {
            return Err(refuse(format!("it was written as {was:?}, not {format:?}")));
        }
        if !position.is_consistent() {
            return Err(refuse(
                "what the checkpoint says of it contradicts itself".into(),
            ));
        }
        Ok(position)
    }

    /// Segments follow each other up to the end.
    fn is_consistent(&self) -> bool {
        let Some(first) = self.segments.first() else {
            return true;
        };
        let end = self.segments.iter().try_fold(first.start, |at, segment| {
            (segment.start == at)
                .then(|| at.checked_add(segment.len))
                .flatten()
        });
        end == Some(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_back_and_others_are_refused() {
        let position = EpochPosition {
            epoch: 13,
            rows: 1_000,
            len: 70,
            crc: 5,
            segments: vec![
                SegmentPosition {
                    after: 11,
                    start: 20,
                    len: 40,
                    crc: 1,
                },
                SegmentPosition {
                    after: 12,
                    start: 60,
                    len: 10,
                    crc: 2,
                },
            ],
        };
        let path = Path::new("there/results.csv");
        let bytes = position.encode(FileFormat::Csv);
        assert_eq!(
            EpochPosition::decode(path, FileFormat::Csv, &bytes).unwrap(),
            position
        );
        let other = EpochPosition::decode(path, FileFormat::Jsonl, &bytes).unwrap_err();
        assert!(other.to_string().contains("written as Csv"), "{other}");
        for len in 0..bytes.len() {
            assert!(EpochPosition::decode(path, FileFormat::Csv, &bytes[..len]).is_err());
        }
        let mut gap = position.clone();
        gap.segments[1].start = 61;
        let bytes = gap.encode(FileFormat::Csv);
        assert!(EpochPosition::decode(path, FileFormat::Csv, &bytes).is_err());
    }

    #[test]
    fn a_segment_is_known_by_its_name() {
        let path = Path::new("there/results.csv");
        let segment = SegmentPosition::empty(11, 0);
        assert_eq!(segment.path(path), Path::new("there/results.csv.after-11"));
        assert!(SegmentPosition::is_name("results.csv.after-11", path));
        for name in [
            "results.csv",
            "results.csv.after-",
            "results.csv.after-x",
            "a.csv.after-1",
        ] {
            assert!(!SegmentPosition::is_name(name, path), "{name}");
        }
    }
}
