//! The byte stream below the `csv` crate: it bounds a record, and makes the end of the trace visible.
//!
//! A quote that is never closed makes one record of all that follows. Up to the fence that is a bad record, beyond it
//! an error, and never the memory of a whole file.
use std::io::{self, Read};

use super::lines::RECORD_BYTES_MAX;

/// A stream that refuses to give more than so many bytes to one record, and ends with a line feed.
pub(super) struct Fenced {
    bytes: Box<dyn Read + Send>,
    left: usize,
    last: u8,
    ended: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("a record longer than the limit")]
pub(super) struct PastFence;

impl Fenced {
    pub(super) fn new(bytes: Box<dyn Read + Send>) -> Self {
        Fenced {
            bytes,
            left: RECORD_BYTES_MAX,
            last: b'\n',
            ended: false,
        }
    }

    /// The last record is done: the next may have as many bytes again.
    #[inline]
    pub(super) fn next_record(&mut self) {
        self.left = RECORD_BYTES_MAX;
    }

    /// Whether the reader has met the end: no record needs to, since each ends with a line feed.
    #[inline]
    pub(super) fn ended(&self) -> bool {
        self.ended
    }
}

impl Read for Fenced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other(PastFence));
        }
        let read = self.bytes.read(buffer)?;
        match read.checked_sub(1) {
            Some(last) => self.last = buffer[last],
            None if self.last != b'\n' && !buffer.is_empty() => {
                (self.last, buffer[0]) = (b'\n', b'\n');
                return Ok(1);
            }
            None => self.ended = true,
        }
        self.left = self.left.saturating_sub(read);
        Ok(read)
    }
}
