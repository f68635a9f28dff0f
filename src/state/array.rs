//! A fixed number of plain records that an operator keeps beside the states of its keys, captured at a barrier
//! as the state table is: by block, on first write, while events go on.
//!
//! ```text
//!   item    0 … 15      16 … 31     32 … 47      a power of two of items in a block, at most 4 KiB where they fit
//!   tag     5           7           0            version of the block's last write; 0: never written, all zero
//! ```
//!
//! Owned by the operator, which shows it to its stage ([`Operator::arrays`](crate::operator::Operator::arrays)).
//! A part of the checkpoint of its own, so that its blocks keep their places however the table grows. Which blocks
//! an epoch still owes is decided by `OwedBlocks`. Where no checkpoints are made, all tags equal the version: a write
//! costs one comparison.

use crate::checkpoint::{Copied, OwedBlocks, Port, block_shift};
use bytemuck::Pod;

/// What takes part in a checkpoint beside the states of keys.
pub trait Captured {
    /// Bytes of an item, and of a block of them.
    fn shape(&self) -> (u32, u32);

    /// From now on it can be captured through `port`, with all that it holds by now.
    fn connect(&mut self, port: Port);

    /// It is to be captured for `epoch` as it is now. Takes no longer for much than for little.
    fn capture(&mut self, epoch: u64);

    /// Hands over up to `most` blocks of the epoch that is being captured.
    fn capture_some(&mut self, most: usize);

    /// Whether an epoch is being captured.
    fn is_captured(&self) -> bool;

    /// Blocks copied for checkpoints so far.
    fn copied(&self) -> Copied;

    /// Takes up a captured block; before it is connected. What several partitions had is put together.
    ///
    /// # Errors
    /// It is no block of this array.
    fn restore(&mut self, block: u64, bytes: &[u8]) -> Result<(), String>;
}

/// The array. Items are zeroed at first.
///
/// A histogram of values that outlives the process, as one partition keeps it:
///
/// ```
/// use millstream::operator::{Emit, Operator, Retain};
/// use millstream::state::{Array, Captured};
///
/// struct Histogram {
///     counts: Array<u64>,
/// }
///
/// impl Histogram {
///     fn new() -> Self {
///         // Restored into fewer partitions, the counts of several are added up.
///         let counts = Array::new(1_000).merged_by(|mine, theirs| *mine += theirs);
///         Histogram { counts }
///     }
/// }
///
/// impl Operator for Histogram {
///     type In = u64;
///     type State = u64;
///     type Out = u64;
///
///     fn process(&mut self, _: u64, value: &u64, last: &mut u64, out: &mut impl Emit<u64>) -> Retain {
///         let count = self.counts.at_mut(*value as usize % 1_000);
///         *count += 1;
///         *last = *value;
///         out.emit(*count);
///         Retain::Keep
///     }
///
///     fn arrays(&mut self, show: &mut dyn FnMut(&mut dyn Captured)) {
///         show(&mut self.counts);
///     }
/// }
/// # let mut histogram = Histogram::new();
/// # let mut out = Vec::new();
/// # histogram.process(1, &7, &mut 0, &mut out);
/// # histogram.process(1, &7, &mut 0, &mut out);
/// # assert_eq!(out, [1, 2]);
/// ```
#[derive(Debug)]
pub struct Array<T> {
    /// Whole blocks.
    items: Box<[T]>,
    len: usize,
    tags: Box<[u32]>,
    version: u32,
    owed: Option<Box<OwedBlocks>>,
    merge: fn(&mut T, &T),
}

impl<T: Pod> Array<T> {
    /// Items of a block, as a shift.
    const SHIFT: u32 = {
        assert!(
            size_of::<T>() > 0 && size_of::<T>().is_multiple_of(8),
            "an item is a whole number of words"
        );
        block_shift(size_of::<T>())
    };

    /// `len` items, all zero. They are at most 64 KiB each, so that a block can be handed over at once.
    pub fn new(len: usize) -> Self {
        let blocks = len.div_ceil(1 << Self::SHIFT);
        Array {
            items: vec![T::zeroed(); blocks << Self::SHIFT].into_boxed_slice(),
            len,
            tags: vec![0; blocks].into_boxed_slice(),
            version: 0,
            owed: None,
            merge: |mine, theirs| *mine = *theirs,
        }
    }

    /// How an item is put together with one that was saved, where that is not all zero; else the saved one takes
    /// its place. A run that is restored into fewer partitions asks for it: one array takes up several then.
    pub fn merged_by(mut self, merge: fn(&mut T, &T)) -> Self {
        self.merge = merge;
        self
    }

    /// Items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The item at `index`, which is below [`Array::len`].
    #[inline]
    pub fn at(&self, index: usize) -> &T {
        &self.items[..self.len][index]
    }

    /// The same, to be written to.
    #[inline]
    pub fn at_mut(&mut self, index: usize) -> &mut T {
        let block = index >> Self::SHIFT;
        if self.tags[block] != self.version {
            self.first_write(block);
        }
        &mut self.items[..self.len][index]
    }

    #[cold]
    #[inline(never)]
    fn first_write(&mut self, block: usize) {
        let Some(owed) = &mut self.owed else {
            return;
        };
        if let Some(port) = owed.before_write(block, self.tags[block]) {
            port.plain_block(block as u64, bytes_of(&self.items, block));
        }
        self.tags[block] = self.version;
    }
}

/// The bytes of a block.
fn bytes_of<T: Pod>(items: &[T], block: usize) -> &[u8] {
    let shift = Array::<T>::SHIFT;
    bytemuck::cast_slice(&items[block << shift..(block + 1) << shift])
}

impl<T: Pod> Captured for Array<T> {
    fn shape(&self) -> (u32, u32) {
        let item_bytes = size_of::<T>() as u32;
        (item_bytes, item_bytes << Self::SHIFT)
    }

    fn connect(&mut self, port: Port) {
        self.version = 1;
        for (block, tag) in self.tags.iter_mut().enumerate() {
            // What it holds already (a restored run starts so) is in no file.
            *tag = u32::from(bytes_of(&self.items, block).iter().any(|&byte| byte != 0));
        }
        self.owed = Some(Box::new(OwedBlocks::new(port, self.tags.len())));
    }

    fn capture(&mut self, epoch: u64) {
        if let Some(owed) = &mut self.owed {
            let begun = owed.begin(epoch, self.version, self.tags.len(), &[]);
            self.version += u32::from(begun);
        }
    }

    fn capture_some(&mut self, most: usize) {
        let (tags, items) = (&self.tags, &self.items);
        if let Some(owed) = &mut self.owed {
            owed.in_turn(
                self.version,
                most,
                |block| tags[block],
                |port, block| {
                    port.plain_block(block as u64, bytes_of(items, block));
                },
            );
        }
    }

    fn is_captured(&self) -> bool {
        self.owed.as_ref().is_some_and(|owed| owed.is_open())
    }

    fn copied(&self) -> Copied {
        let owed = self.owed.as_ref();
        owed.map_or_else(Copied::default, |owed| owed.copied())
    }

    fn restore(&mut self, block: u64, bytes: &[u8]) -> Result<(), String> {
        let first = usize::try_from(block)
            .ok()
            .map(|block| block << Self::SHIFT);
        let known = first.and_then(|first| self.items.get_mut(first..first + (1 << Self::SHIFT)));
        let Some(items) = known.filter(|items| size_of_val(*items) == bytes.len()) else {
            return Err(format!(
                "block {block} of {} bytes does not belong to an array of {} items of {} bytes: restore it with the \
                 program that wrote it",
                bytes.len(),
                self.len,
                size_of::<T>()
            ));
        };
        for (mine, theirs) in items.iter_mut().zip(bytes.chunks_exact(size_of::<T>())) {
            if theirs.iter().any(|&byte| byte != 0) {
                (self.merge)(mine, &bytemuck::pod_read_unaligned(theirs));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "array_tests.rs"]
mod tests;
