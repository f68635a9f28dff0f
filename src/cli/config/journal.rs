//! `[journal]`: what a source that cannot rewind has given, kept until checkpoints cover it.

use super::checkpoint::CheckpointSection;
use super::error::ConfigError;
use super::settings::Settings;
use super::value::{Bytes, Setting};
use crate::journal::{Fsync, JournalOptions};
use std::path::PathBuf;

/// A segment holds at least a few blocks of the reader.
const SEGMENT_MIN_BYTES: u64 = 1 << 20;
/// A segment is read whole when it is opened.
const SEGMENT_MAX_BYTES: u64 = 1 << 30;

/// `[journal]`.
#[derive(Clone, Debug)]
pub struct JournalSection {
    /// The directory as given: a path, "auto" or "none"; see [`JournalSection::options`].
    dir: String,
    /// When what was appended is made safe.
    pub fsync: Fsync,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Bytes that records may take; `None`: what the disk has.
    pub bytes_max: Option<u64>,
}

impl Setting for Fsync {
    const EXPECTED: &'static str =
        "\"always\", \"interval TIME\" such as \"interval 5ms\", or \"never\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl JournalSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let section = JournalSection {
            dir: settings.get("journal.dir")?,
            fsync: settings.get("journal.fsync")?,
            segment_bytes: settings.get::<Bytes>("journal.segment")?.0,
            bytes_max: settings
                .get::<Option<Bytes>>("journal.max")?
                .map(|Bytes(bytes)| bytes),
        };
        if section.dir.is_empty() {
            return Err(settings.refuse(
                "journal.dir",
                "the path of a directory, \"auto\" or \"none\"",
                "\"auto\" is the directory journal in checkpoint.dir",
            ));
        }
        if !(SEGMENT_MIN_BYTES..=SEGMENT_MAX_BYTES).contains(&section.segment_bytes) {
            return Err(settings.refuse(
                "journal.segment",
                "1 MiB to 1 GiB",
                "64 MiB does well: smaller ones are given back sooner",
            ));
        }
        if section
            .bytes_max
            .is_some_and(|most| most < 2 * section.segment_bytes)
        {
            return Err(settings.refuse(
                "journal.max",
                "at least two segments (journal.segment), or \"none\"",
                "the last segment is never given back, so there must be room for one more",
            ));
        }
        Ok(section)
    }

    /// The journal of a run with these checkpoints, for records of `record_bytes`; `None`: there is to be none.
    pub fn options(
        &self,
        checkpoint: &CheckpointSection,
        record_bytes: usize,
    ) -> Option<JournalOptions> {
        let beside = checkpoint.dir.as_ref()?;
        Some(JournalOptions {
            dir: match self.dir.as_str() {
                "none" => return None,
                "auto" => beside.join("journal"),
                given => PathBuf::from(given),
            },
            fsync: self.fsync,
            segment_bytes: self.segment_bytes,
            bytes_max: self.bytes_max.unwrap_or(u64::MAX),
            record_bytes: record_bytes as u32,
        })
    }
}
