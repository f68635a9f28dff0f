//! The hot table as it stood at a barrier, handed over while events go on: copy on first write, by block.
//!
//! ```text
//!   place   set 0: 0 … 15 │ set 1: 16 … 31 │ …        blocks are a power of two of places, at most 4 KiB where they fit
//!   block   ├──── 0 ────┤├──── 1 ────┤ …               an entry: key │ stamp │ value │ zeros;  empty place: zeros
//!   tag     5            7                             version of the block's last write; 0: never written
//! ```
//!
//! Blocks are as those of the state table, so that whoever reads one reads the other. What the policy knows is not
//! kept: a restored table learns anew who is asked for. Which blocks an epoch still owes is decided by `OwedBlocks`.
//!
//! Part of the table. Where no checkpoints are made, there is none of it: a branch never taken.

use super::policy::{SetPolicy, WAYS};
use super::table::{Entry, Hot};
use crate::checkpoint::{Copied, OwedBlocks, Port, block_shift};
use crate::state::table::NEW;
use bytemuck::Pod;

/// What a hot table that is captured has beside its entries.
pub(super) struct Capture {
    owed: OwedBlocks,
    tags: Box<[u32]>,
    version: u32,
    /// Where a block is put together.
    block: Box<[u8]>,
}

impl<V: Pod, P: SetPolicy> Hot<V, P> {
    /// Places of a block, as a shift.
    const SHIFT: u32 = block_shift(size_of::<Entry<V>>());

    fn blocks(&self) -> usize {
        self.capacity_slots().div_ceil(1 << Self::SHIFT)
    }

    /// From now on it can be captured through `port`, with what it holds by now.
    pub fn connect(&mut self, port: Port) {
        let blocks = self.blocks();
        // What it holds already (a restored run starts so) is in no file: it counts as written.
        let holds = |block: &usize| {
            let first = block << Self::SHIFT;
            (first..first + (1 << Self::SHIFT)).any(|at| self.entry_in(at).is_some())
        };
        let tags = (0..blocks).map(|block| u32::from(holds(&block)));
        self.capture = Some(Box::new(Capture {
            tags: tags.collect(),
            version: 1,
            block: vec![0; size_of::<Entry<V>>() << Self::SHIFT].into_boxed_slice(),
            owed: OwedBlocks::new(port, blocks),
        }));
    }

    /// The table as it is now is to be captured for `epoch`, together with `extras`. Takes no longer for a large
    /// table than for a small one.
    pub fn capture(&mut self, epoch: u64, extras: &[u8]) {
        let blocks = self.blocks();
        if let Some(capture) = &mut self.capture {
            let begun = capture.owed.begin(epoch, capture.version, blocks, extras);
            capture.version += u32::from(begun);
        }
    }

    /// Whether an epoch is being captured.
    #[inline(always)]
    pub fn is_captured(&self) -> bool {
        let capture = self.capture.as_ref();
        capture.is_some_and(|capture| capture.owed.is_open())
    }

    /// Hands over up to `most` blocks of the epoch that is being captured.
    pub fn capture_some(&mut self, most: usize) {
        let Some(mut capture) = self.capture.take() else {
            return;
        };
        let Capture {
            owed,
            tags,
            version,
            block,
        } = &mut *capture;
        owed.in_turn(
            *version,
            most,
            |at| tags[at],
            |port, at| {
                self.copy(at, block);
                port.plain_block(at as u64, block);
            },
        );
        self.capture = Some(capture);
    }

    /// Blocks copied for checkpoints so far.
    pub fn copied(&self) -> Copied {
        let capture = self.capture.as_ref();
        capture.map_or_else(Copied::default, |capture| capture.owed.copied())
    }

    /// To be called before `way` of `set` is written to.
    #[inline(always)]
    pub(super) fn touch(&mut self, set: u32, way: u32) {
        if let Some(capture) = &self.capture {
            let block = (set as usize * WAYS as usize + way as usize) >> Self::SHIFT;
            if capture.tags[block] != capture.version {
                self.first_write(block);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn first_write(&mut self, at: usize) {
        let Some(mut capture) = self.capture.take() else {
            return;
        };
        if let Some(port) = capture.owed.before_write(at, capture.tags[at]) {
            self.copy(at, &mut capture.block);
            port.plain_block(at as u64, &capture.block);
        }
        capture.tags[at] = capture.version;
        self.capture = Some(capture);
    }

    /// Puts block `at` together.
    fn copy(&self, at: usize, block: &mut [u8]) {
        let first = at << Self::SHIFT;
        for (place, bytes) in (first..).zip(block.chunks_exact_mut(size_of::<Entry<V>>())) {
            let Some(entry) = self.entry_in(place) else {
                bytes.fill(0);
                continue;
            };
            bytes[..8].copy_from_slice(&entry.key.to_ne_bytes());
            // Here a tag says that a place is empty, in the block its stamp.
            bytes[8..16].copy_from_slice(&entry.stamp.max(NEW).to_ne_bytes());
            bytes[16..16 + size_of::<V>()].copy_from_slice(bytemuck::bytes_of(&entry.value));
        }
    }
}
