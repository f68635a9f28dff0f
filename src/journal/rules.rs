//! What holds for all segments of a log, and which frames of one follow each other. Pure.

use super::error::JournalError;
use super::frame::{self, Frame, HEADER_BYTES, SegmentHeader};
use std::path::PathBuf;

pub(super) const RESTORE: &str =
    "bring the directory back from a copy, or remove it and start afresh without --restore";

/// What holds for all segments of a log.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) dir: PathBuf,
    pub(super) prefix: &'static str,
    pub(super) unit_bytes: u32,
    pub(super) segment_bytes: u64,
    pub(super) bytes_max: u64,
}

impl Rules {
    /// Named after its first frame, so that names in order are segments in order.
    pub(super) fn path(&self, first_sequence: u64) -> PathBuf {
        let name = format!("{}-{first_sequence:020}", self.prefix);
        self.dir.join(name)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let number = name.strip_prefix(self.prefix)?.strip_prefix('-')?;
        (number.len() == 20).then(|| number.parse().ok())?
    }

    #[cold]
    pub(super) fn damaged(&self, segment: u64, offset: usize, what: &'static str) -> JournalError {
        JournalError::Damaged {
            file: self.path(segment),
            offset: offset as u64,
            what,
            found: "other bytes than were written".into(),
            expected: "what its checksum says".into(),
            remedy: RESTORE,
        }
    }
}

/// How far the frames of a segment are right.
pub(super) struct Walk {
    pub(super) sequence: u64,
    pub(super) unit: u64,
    pub(super) at: usize,
}

/// Shows the frames of a segment up to the first that is not right.
pub(super) fn walk(
    rules: &Rules,
    header: &SegmentHeader,
    bytes: &[u8],
    mut show: impl FnMut(&Frame<'_>),
) -> Walk {
    let mut walk = Walk {
        sequence: header.first_sequence,
        unit: header.first_unit,
        at: HEADER_BYTES,
    };
    while let Some(found) = bytes.get(walk.at..).and_then(frame::get) {
        let units = found.payload.len() / rules.unit_bytes as usize;
        let is_next = (found.header.sequence, found.header.first_unit)
            == (walk.sequence, walk.unit)
            && units * rules.unit_bytes as usize == found.payload.len();
        if !is_next {
            break;
        }
        show(&found);
        walk.sequence += 1;
        walk.unit += units as u64;
        walk.at += frame::frame_bytes(found.payload.len());
    }
    walk
}

/// Whether a frame anywhere in `bytes` fits `fits`.
pub(super) fn any_frame(bytes: &[u8], fits: impl Fn(&Frame<'_>) -> bool) -> bool {
    let places = (0..bytes.len()).step_by(8);
    places
        .filter_map(|at| frame::get(&bytes[at..]))
        .any(|found| fits(&found))
}
