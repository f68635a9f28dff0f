//! What a part remembers beside its entries: the extras of an epoch, in postcard's encoding.

use serde::{Deserialize, Serialize};

/// The extras of one part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Watermark at the barrier, ns of event time.
    pub watermark_ns: u64,
    /// Entries of the part, so that a table of the right size can be made.
    pub entries: u64,
    /// Of a source: the latest event time it had offered, ns.
    pub event_time_ns: u64,
    /// Of a source: events it had offered, over all runs.
    pub events: u64,
    /// Of a source: where it stood, if it can rewind.
    pub position: Option<Vec<u8>>,
    /// What the operator asked to be kept.
    pub operator: Vec<u8>,
    /// What the sink asked to be kept.
    pub sink: Vec<u8>,
}

impl Saved {
    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("plain numbers and bytes can be written")
    }

    /// From the extras of a part.
    ///
    /// # Errors
    /// They are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}
