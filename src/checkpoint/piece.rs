//! What the writer is told of one part, and what it says of an epoch.

use serde::{Deserialize, Serialize};

/// What a part hands to the writer, in this order: Begin, any mix of Block and Extras, End or Abort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The state of the part is captured from here on.
    Begin {
        /// Which epoch; the same for all parts.
        epoch: u64,
        /// Which of the rotation files takes it; the same for all parts.
        target: u8,
        /// The epoch that file holds, if it holds one that is whole: blocks not changed since are not sent.
        since: Option<u64>,
    },
    /// The entries of one block.
    Block {
        /// Which block.
        index: u64,
        /// Its bytes, exactly the block size of the part.
        bytes: &'a [u8],
    },
    /// The next bytes of what else the part remembers (position, watermark, operator, sink).
    Extras {
        /// Up to the block size of the part.
        bytes: &'a [u8],
    },
    /// Everything was sent.
    End {
        /// Blocks of entries that the part has, sent or not; those never sent to any file are all zero.
        blocks: u64,
    },
    /// It cannot be sent: the epoch is void.
    Abort,
}

/// How an epoch ended. Epochs are written one at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settled {
    /// Its manifest is safe.
    Durable {
        /// Which.
        epoch: u64,
        /// Bytes written for it.
        bytes: u64,
    },
    /// It is void; the one before is still good, and the next one is written in full.
    Aborted {
        /// Which.
        epoch: u64,
        /// Why, with path and remedy.
        reason: String,
    },
}
