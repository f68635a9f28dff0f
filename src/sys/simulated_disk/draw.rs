//! What a crash keeps of the operations that were not synced, drawn from a seed.
//!
//! A draw has a manner, so that the plain cases (nothing lost, all lost, all up to a moment) come up as often
//! as the wild ones, where any operation may be lost and a later one kept.
use super::image::PAGE_BYTES;
use crate::sys::random::Random;
use std::ops::Range;

/// Bytes that a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What became of an operation that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    Lost,
    /// Parts of it were kept.
    Torn,
}

#[derive(Clone, Copy, Debug)]
enum Manner {
    /// The machine stopped after all was written back.
    AllKept,
    /// Nothing was written back.
    AllLost,
    /// Written back in order, up to and with a part of this operation.
    UpTo(u64),
    /// All but this one.
    AllBut(u64),
    /// None but this one.
    Only(u64),
    /// Each for itself: kept with so many chances in 16, torn with half of the rest.
    Each(u64),
}

/// One crash.
#[derive(Debug)]
pub(super) struct Draw {
    random: Random,
    manner: Manner,
}

impl Draw {
    /// The crash of `seed`, where the operations numbered `pending` were not synced.
    pub(super) fn new(seed: u64, pending: &[u64]) -> Self {
        let mut random = Random::new(seed);
        let one = |random: &mut Random| {
            let index = random.below(pending.len() as u64) as usize;
            pending.get(index).copied().unwrap_or(0)
        };
        let manner = match random.below(16) {
            0 => Manner::AllKept,
            1 => Manner::AllLost,
            2..=4 => Manner::UpTo(one(&mut random)),
            5..=6 => Manner::AllBut(one(&mut random)),
            7..=8 => Manner::Only(one(&mut random)),
            9..=10 => Manner::Each(14),
            11..=12 => Manner::Each(2),
            _ => Manner::Each(8),
        };
        Draw { random, manner }
    }

    /// The one that keeps everything.
    pub(super) fn everything() -> Self {
        Draw {
            random: Random::new(0),
            manner: Manner::AllKept,
        }
    }

    /// What became of the operation of that number.
    pub(super) fn fate(&mut self, operation: u64) -> Fate {
        let is = |yes: bool| if yes { Fate::Kept } else { Fate::Lost };
        match self.manner {
            Manner::AllKept => Fate::Kept,
            Manner::AllLost => Fate::Lost,
            Manner::UpTo(last) if operation == last => Fate::Torn,
            Manner::UpTo(last) => is(operation < last),
            Manner::AllBut(lost) if operation == lost => {
                if self.coin() {
                    Fate::Torn
                } else {
                    Fate::Lost
                }
            }
            Manner::AllBut(_) => Fate::Kept,
            Manner::Only(kept) => is(operation == kept),
            Manner::Each(chances) => {
                let draw = self.random.below(32);
                if draw < 2 * chances {
                    Fate::Kept
                } else if draw < 16 + chances {
                    Fate::Torn
                } else {
                    Fate::Lost
                }
            }
        }
    }

    /// Whether an operation that cannot be torn was kept.
    pub(super) fn keeps(&mut self, operation: u64) -> bool {
        match self.fate(operation) {
            Fate::Kept => true,
            Fate::Lost => false,
            Fate::Torn => self.coin(),
        }
    }

    /// Whether a file was lengthened though the bytes that made it longer were lost.
    pub(super) fn lengthens(&mut self) -> bool {
        !matches!(self.manner, Manner::AllLost | Manner::UpTo(_)) && self.coin()
    }

    pub(super) fn coin(&mut self) -> bool {
        self.random.next_u64() >> 63 == 1
    }

    /// Gives `keep` the parts that were kept of `bytes` bytes written at `offset`: a beginning of any length,
    /// or any of its sectors, or any of its pages.
    pub(super) fn tear(&mut self, offset: u64, bytes: usize, mut keep: impl FnMut(Range<usize>)) {
        let grain = match self.random.below(4) {
            0 => {
                keep(0..self.random.below(bytes as u64) as usize);
                return;
            }
            1 => PAGE_BYTES,
            _ => SECTOR_BYTES,
        };
        let mut at = 0;
        while at < bytes {
            let inside = ((offset + at as u64) % grain as u64) as usize;
            let end = bytes.min(at + grain - inside);
            if self.coin() {
                keep(at..end);
            }
            at = end;
        }
    }
}
