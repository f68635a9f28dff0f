//! What a part remembers beside its entries: the extras of an epoch, in postcard's encoding.

use serde::{Deserialize, Serialize, Serializer};

/// What the numbers of a part take at most, with their lengths: events wait while extras are written, so they are
/// given room once.
const NUMBERS_BYTES: usize = 64;

/// The same bytes as one after the other.
fn at_once<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

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
    #[serde(serialize_with = "at_once")]
    pub operator: Vec<u8>,
    /// What the sink asked to be kept.
    #[serde(serialize_with = "at_once")]
    pub sink: Vec<u8>,
}

impl Saved {
    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let position = self.position.as_ref().map_or(0, Vec::len);
        let room = NUMBERS_BYTES + position + self.operator.len() + self.sink.len();
        postcard::to_extend(self, Vec::with_capacity(room))
            .expect("plain numbers and bytes can be written")
    }

    /// From the extras of a part.
    ///
    /// # Errors
    /// They are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_written_at_once_are_those_of_the_format_and_fit_the_room() {
        let saved = Saved {
            watermark_ns: u64::MAX,
            entries: u64::MAX,
            event_time_ns: u64::MAX,
            events: u64::MAX,
            position: Some(vec![1; 300]),
            operator: vec![0xff; 700],
            sink: vec![2; 20_000],
        };
        let bytes = saved.to_bytes();
        let one_by_one = (
            (u64::MAX, u64::MAX, u64::MAX, u64::MAX),
            (&saved.position, &saved.operator, &saved.sink),
        );
        assert_eq!(Ok(&bytes), postcard::to_stdvec(&one_by_one).as_ref());
        assert!(bytes.len() <= NUMBERS_BYTES + 300 + 700 + 20_000);
        assert_eq!(Saved::from_bytes(&bytes), Ok(saved));
    }
}
