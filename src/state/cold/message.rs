//! What the two halves of a cold tier tell each other. Each request but `Sync` is answered by one answer, in order.

use super::error::ColdError;

/// The bytes of a frame. Words, so that records in it are aligned.
pub(super) type Frame = Box<[u64]>;

/// The task asks.
#[derive(Debug)]
pub(super) enum Request {
    /// For the record at `location`, if it is that of `key`.
    Read { location: u32, slot: u32, key: u64 },
    /// For the record at `location`, whosever it is: compaction moves it.
    Move { location: u32 },
    /// To write a frame with so many records.
    Write {
        frame: Frame,
        number: u32,
        records: u32,
    },
    /// To have all that was written so far on the disk. Answered through `Shared`, in its own time.
    Sync { number: u64 },
}

/// The server answers.
#[derive(Debug)]
pub(super) enum Answer<V> {
    /// The record of the key that was asked for.
    Found { slot: u32, stamp: u64, value: V },
    /// It is another key's.
    NotThis { slot: u32 },
    /// The record that is to be moved.
    Move {
        location: u32,
        stamp: u64,
        key: u64,
        value: V,
    },
    /// The frame is written and can be filled again.
    Written { frame: Frame },
    /// Nothing more will come.
    Failed { error: Box<ColdError> },
}
