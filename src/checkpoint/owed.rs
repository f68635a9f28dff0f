//! The blocks of one part on their way to the port: which of them an epoch still owes, and which it has sent.
//!
//! ```text
//!   block   0    1    2    3    4    5    6 …
//!   tag     5    7    7    2    0    7    6          version of its last write; 0: never written, all zero
//!                     ▲ cursor              version now 7, the target file holds what was up to 3
//!
//!   before a write to b:  tag[b] = 7 ? go on
//!                         b ≥ cursor and tag[b] > 3: send b               the block as it was at the barrier
//!                         tag[b] = 7
//!   in turn:              the next blocks with 3 < tag < 7: send; cursor moves on; at the last: end
//! ```
//!
//! Part of whatever keeps the blocks, which owns bytes, tags and version; decides only. Invariant: while an epoch
//! is open, a block at or behind the cursor with a tag below the version has its content of the barrier; one
//! before the cursor, or with the version, was sent or had not changed since the target file's epoch.

use super::ROTATION;
use super::port::Port;

/// Tags looked at in one call of [`OwedBlocks::in_turn`], at most.
const TAGS_MAX: usize = 512;

/// Bytes of a block, where items are not larger.
const BLOCK_BYTES: usize = 4096;

/// Items of `item_bytes` bytes, at least 1, in a block, as a shift: a power of two of them, at most 4 KiB where they fit.
pub const fn block_shift(item_bytes: usize) -> u32 {
    let items = BLOCK_BYTES / item_bytes;
    if items == 0 { 0 } else { items.ilog2() }
}

/// Blocks that were copied to the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// When it was their turn.
    pub in_turn: u64,
    /// Before, because they were about to be written to.
    pub before_write: u64,
}

impl std::ops::AddAssign for Copied {
    fn add_assign(&mut self, other: Copied) {
        self.in_turn += other.in_turn;
        self.before_write += other.before_write;
    }
}

/// The state of a part's capture, beside its blocks.
#[derive(Debug)]
pub struct OwedBlocks {
    port: Port,
    /// Which epoch each rotation file was sent last, and the version that stood for it.
    sent: [(u64, u32); ROTATION],
    /// Tags up to this are in the target file.
    since: u32,
    cursor: usize,
    /// Blocks there were at the barrier.
    blocks: usize,
    copied: Copied,
}

impl OwedBlocks {
    /// Through `port`, of what will be about `blocks` blocks.
    pub fn new(port: Port, blocks: usize) -> Self {
        port.expect(blocks as u64);
        OwedBlocks {
            port,
            sent: [(0, 0); ROTATION],
            since: 0,
            cursor: 0,
            blocks: 0,
            copied: Copied::default(),
        }
    }

    /// There are so many blocks now.
    pub fn expect(&self, blocks: usize) {
        self.port.expect(blocks as u64);
    }

    /// Begins `epoch`, of `blocks` blocks whose latest writes have `version`, together with `extras`. If it says
    /// true, writes from now on have the next version; false where no checkpoints are made.
    pub fn begin(&mut self, epoch: u64, version: u32, blocks: usize, extras: &[u8]) -> bool {
        let Some(begun) = self.port.begin(epoch) else {
            return false;
        };
        let sent = &mut self.sent[begun.target];
        let held = begun.since.is_some_and(|since| since == sent.0);
        self.since = if held { sent.1 } else { 0 };
        *sent = (epoch, version);
        self.cursor = 0;
        self.blocks = blocks;
        self.port.extras(extras);
        true
    }

    /// Whether an epoch is being sent.
    #[inline(always)]
    pub fn is_open(&self) -> bool {
        self.port.is_open()
    }

    /// The epoch cannot be sent.
    pub fn abort(&mut self) {
        self.port.abort();
    }

    /// The oldest epoch that can still be restored, if there is one.
    pub fn oldest_epoch(&self) -> Option<u64> {
        self.port.oldest_epoch()
    }

    /// `block`, last written to at `tag`, is about to be written to: the port, if it must be sent before.
    #[inline]
    pub fn before_write(&mut self, block: usize, tag: u32) -> Option<&mut Port> {
        let owed =
            self.is_open() && block >= self.cursor && block < self.blocks && tag > self.since;
        self.copied.before_write += u64::from(owed);
        owed.then_some(&mut self.port)
    }

    /// Has up to `most` blocks sent whose turn it is; writes have `version` now. Ends the epoch with the last.
    pub fn in_turn(
        &mut self,
        version: u32,
        most: usize,
        tag_of: impl Fn(usize) -> u32,
        mut send: impl FnMut(&mut Port, usize),
    ) {
        if !self.is_open() {
            return;
        }
        let mut sent = 0;
        let to = self.blocks.min(self.cursor + TAGS_MAX);
        while self.cursor < to {
            let tag = tag_of(self.cursor);
            if tag > self.since && tag != version {
                // Half of the frames are left to blocks that are written to before their turn.
                if sent == most || !self.port.has_ample_room() {
                    return;
                }
                sent += 1;
                self.copied.in_turn += 1;
                send(&mut self.port, self.cursor);
            }
            self.cursor += 1;
        }
        if self.cursor == self.blocks {
            self.port.end(self.blocks as u64);
        }
    }

    /// What was copied so far, over all epochs.
    pub fn copied(&self) -> Copied {
        self.copied
    }
}
