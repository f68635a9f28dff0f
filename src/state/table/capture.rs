//! The table as it stood at a barrier, handed over while events go on: copy on first write, by version.
//!
//! ```text
//!   block   0         1         2         3     …    a power of two of slots, at most 4 KiB where they fit
//!   tag     5         7         7         2          version of its last write; 0: never written, all zero
//! ```
//!
//! The table owns slots, tags and version; which blocks an epoch still owes is decided by `OwedBlocks`, whose
//! header has the whole picture.
//!
//! Where no checkpoints are made, every block is block 0 of a tag that never differs: one load that is
//! always in the cache, and a branch never taken.
#![allow(unsafe_code)]

use super::{NEW, Place, Slot, TAIL_SLOTS, Table, Way};
use crate::checkpoint::{Copied, OwedBlocks, Port, block_shift};
use crate::partition::mum64;
use crate::sys::memory::Reserve;
use bytemuck::Pod;
use std::io;

/// Entries whose places are prefetched together when a block is restored: of 64 bytes each, those of one block.
const RESTORED_TOGETHER: usize = 64;

/// The tag of every block of a table that is not captured.
static UNTRACKED: u32 = 0;

/// Where the tags lie and what they are compared with; part of the table, looked at before every write.
pub(super) struct Tags {
    pub(super) tags: *mut u32,
    pub(super) shift: u32,
    pub(super) version: u32,
}

impl Tags {
    /// Nothing is tracked.
    pub(super) fn none() -> Self {
        Tags {
            tags: (&raw const UNTRACKED).cast_mut(),
            shift: 63,
            version: 0,
        }
    }
}

/// What a table that is captured has beside its slots.
pub(super) struct Capture {
    owed: OwedBlocks,
    /// The memory of the tags.
    reserve: Reserve,
}

/// What a table of values `V` is made of, for whoever writes it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableShape {
    /// Bytes of an entry.
    pub entry_bytes: u32,
    /// Bytes of its value.
    pub value_bytes: u32,
    /// Bytes of a block.
    pub block_bytes: u32,
}

impl TableShape {
    /// Of tables of `V`.
    pub const fn of<V>() -> TableShape {
        let slot_bytes = size_of::<Slot<V>>();
        TableShape {
            entry_bytes: slot_bytes as u32,
            value_bytes: size_of::<V>() as u32,
            block_bytes: (slot_bytes << block_shift(slot_bytes)) as u32,
        }
    }
}

impl<V: Pod> Table<V> {
    /// From now on its state, with what it holds by now, can be captured through `port`.
    ///
    /// # Errors
    /// When there are no addresses for the tags.
    pub fn connect(&mut self, port: Port) -> io::Result<()> {
        let shift = block_shift(size_of::<Slot<V>>());
        let blocks = ((self.capacity_slots_max + TAIL_SLOTS) >> shift) + 1;
        let reserve = Reserve::new(blocks * size_of::<u32>())?;
        self.tags = Tags {
            tags: reserve.base().cast(),
            shift,
            version: 1,
        };
        if !self.is_empty() {
            // What it holds already (a restored run starts so) is in no file: all of it counts as written.
            for block in 0..=(self.end_slots() + TAIL_SLOTS) >> shift {
                // SAFETY: `blocks` tags were reserved, enough for all slots there will ever be.
                unsafe { *self.tags.tags.add(block) = self.tags.version };
            }
        }
        let owed = OwedBlocks::new(port, self.end_slots() >> shift);
        self.capture = Some(Box::new(Capture { owed, reserve }));
        Ok(())
    }

    /// The state as it is now is to be captured for `epoch`, together with `extras`. Takes no longer for a
    /// large table than for a small one. Nothing happens where no checkpoints are made.
    pub fn capture(&mut self, epoch: u64, extras: &[u8]) {
        let blocks = ((self.end_slots() + TAIL_SLOTS) >> self.tags.shift) + 1;
        let Some(capture) = &mut self.capture else {
            return;
        };
        debug_assert!(blocks * size_of::<u32>() <= capture.reserve.len());
        let begun = capture.owed.begin(epoch, self.tags.version, blocks, extras);
        self.tags.version += u32::from(begun);
    }

    /// The table has grown: room for all its blocks is wanted, before they are.
    pub(super) fn expect_blocks(&self) {
        if let Some(capture) = &self.capture {
            capture.owed.expect(self.end_slots() >> self.tags.shift);
        }
    }

    /// Whether it is connected to checkpoints.
    pub fn takes_part(&self) -> bool {
        self.capture.is_some()
    }

    /// Whether an epoch is being captured.
    #[inline(always)]
    pub fn is_captured(&self) -> bool {
        self.capture
            .as_ref()
            .is_some_and(|capture| capture.owed.is_open())
    }

    /// Blocks copied for checkpoints so far.
    pub fn copied(&self) -> Copied {
        let capture = self.capture.as_ref();
        capture.map_or_else(Copied::default, |capture| capture.owed.copied())
    }

    /// Hands over up to `most` blocks of the epoch that is being captured.
    #[inline(never)]
    pub fn capture_some(&mut self, most: usize) {
        let Some(capture) = &mut self.capture else {
            return;
        };
        let (tags, base) = (&self.tags, self.base);
        capture.owed.in_turn(
            tags.version,
            most,
            // SAFETY: it asks for blocks below those of the barrier, for which there are tags.
            |block| unsafe { *tags.tags.add(block) },
            |port, block| send(port, base, tags.shift, block),
        );
    }

    /// To be called before the slot at `index` is written to.
    #[inline(always)]
    pub(super) fn touch(&mut self, index: usize) {
        let block = index >> self.tags.shift;
        // SAFETY: every slot has a tag: those of the reserve, or the one for all.
        if unsafe { *self.tags.tags.add(block) } != self.tags.version {
            self.first_write(block);
        }
    }

    #[cold]
    #[inline(never)]
    fn first_write(&mut self, block: usize) {
        let Some(capture) = &mut self.capture else {
            return;
        };
        // SAFETY: as in `touch`; the tags are not the one for all, since this table is captured.
        let tag = unsafe { &mut *self.tags.tags.add(block) };
        if let Some(port) = capture.owed.before_write(block, *tag) {
            send(port, self.base, self.tags.shift, block);
        }
        *tag = self.tags.version;
    }

    /// Puts one entry into this table, which has never been captured yet and does not hold its key.
    pub fn restore_one(&mut self, key: u64, stamp: u64, value: V) {
        self.settle();
        let entry = self.at_stamped(self.prefetch(mum64(key), Way::Crowded), key);
        debug_assert_eq!(*entry.0, NEW, "a key is restored once");
        (*entry.0, *entry.1) = (stamp.max(NEW), value);
    }

    /// Puts the entries of a captured block whose keys are to be `accept`ed into this table, which has
    /// never been captured yet; how many they were. Grows as it must.
    pub fn restore(&mut self, block: &[u8], accept: impl Fn(u64) -> bool) -> usize {
        let mut places = [(Place::default(), 0usize); RESTORED_TOGETHER];
        let mut restored = 0;
        let slot_bytes = size_of::<Slot<V>>();
        let word = |at: usize| bytemuck::pod_read_unaligned::<u64>(&block[at..at + 8]);
        for group in (0..block.len() / slot_bytes).step_by(places.len()) {
            self.settle();
            let mut count = 0;
            let end = (block.len() / slot_bytes).min(group + places.len());
            for at in (group..end).map(|entry| entry * slot_bytes) {
                if word(at + 8) != 0 && accept(word(at)) {
                    places[count] = (self.prefetch(mum64(word(at)), Way::Crowded), at);
                    count += 1;
                }
            }
            for (place, at) in &mut places[..count] {
                *place = self.look(*place, word(*at), Way::Crowded);
            }
            for &(place, at) in &places[..count] {
                let (stamp, value) = self.at_stamped(place, word(at));
                debug_assert_eq!(*stamp, NEW, "a key is restored once");
                *stamp = word(at + 8);
                *value = bytemuck::pod_read_unaligned(&block[at + 16..at + 16 + size_of::<V>()]);
            }
            restored += count;
        }
        restored
    }
}

/// Sends a block; without room the epoch is void, which the port tells the writer.
fn send<V>(port: &mut Port, base: *mut Slot<V>, shift: u32, block: usize) {
    let bytes = size_of::<Slot<V>>() << shift;
    // SAFETY: the block lies inside the reserve (its slots have tags), and the table alone writes to it.
    unsafe { port.block(block as u64, base.add(block << shift).cast(), bytes) };
}
