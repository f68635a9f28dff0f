//! Segments: which records of the log are live, which segment is filled next, which is compacted.
//!
//! ```text
//!   Free ──next_frame──► Filling ──last frame sealed──► Closed ──chosen──► Victim ──live records moved──► Free
//!                                                         └── last live record gone ──────────────────────►┘
//! ```
//!
//! Where checkpoints are made, a free segment that a durable epoch speaks of is *pinned*: filled anew only once none
//! does. The bits lie as a checkpoint takes them (`checkpoint/log.rs`), and go there before they change.
//!
//! Owned by the task. Invariant: `live` of a segment is the number of its set bits; a bit is set exactly
//! while the index names the location. A segment becomes free only when no request for one of its records
//! that could be taken for a later one is under way: moves are answered first, and an entry that is being
//! read keeps its bit.

use super::layout::Layout;
use crate::checkpoint::{MapHeader, OwedBlocks};
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Free,
    Filling,
    Closed,
    Victim,
}

#[derive(Debug)]
struct Segment {
    phase: Phase,
    live: u32,
    /// The latest stamp written to it.
    newest: u64,
    /// Versions of the last change of its map, and of its opening; 0 where no checkpoints are made.
    pub(super) changed: u32,
    opened: u32,
    /// As a checkpoint takes it: the header, then one bit a location.
    map: Box<[u64]>,
}

/// Words of a map before its bits.
const HEADER_WORDS: usize = size_of::<MapHeader>() / size_of::<u64>();

impl Segment {
    fn new(layout: &Layout) -> Self {
        let mut map = vec![0; layout.map_bytes() / size_of::<u64>()].into_boxed_slice();
        map[..HEADER_WORDS].copy_from_slice(bytemuck::cast_slice(&[layout.map_header()]));
        Segment {
            phase: Phase::Free,
            live: 0,
            newest: 0,
            changed: 0,
            opened: 0,
            map,
        }
    }

    fn header(&mut self) -> &mut MapHeader {
        let header: &mut [MapHeader] = bytemuck::cast_slice_mut(&mut self.map[..HEADER_WORDS]);
        &mut header[0]
    }
}

/// Segments looked at for the next victim, at the most: so that the pause is bounded however long the log is;
/// of random segments the best of 256 is among the best 2 % of all (1 − 0.98^256 = 0.994).
const LOOKED_AT: usize = 256;

/// The segments of one file.
#[derive(Debug)]
pub(super) struct Segments {
    layout: Layout,
    all: Vec<Segment>,
    free: Vec<u32>,
    /// The segment being filled and the frames of it given out.
    filling: Option<(u32, u32)>,
    live: u64,
    closed: u64,
    hand: usize,
    pub(super) capture: Capture,
}

/// How the segments take part in checkpoints; see `capture.rs`.
#[derive(Debug, Default)]
pub(super) struct Capture {
    pub(super) version: u32,
    pub(super) owed: Option<Box<OwedBlocks>>,
    /// The latest epoch that was begun.
    pub(super) epoch: u64,
    /// Free segments that this epoch, or one before it, may speak of.
    pub(super) pinned: VecDeque<(u64, u32)>,
}

impl Segments {
    pub(super) fn new(layout: Layout) -> Self {
        Segments {
            layout,
            all: Vec::new(),
            free: Vec::new(),
            filling: None,
            live: 0,
            closed: 0,
            hand: 0,
            capture: Capture::default(),
        }
    }

    /// Frames that can still be given out without compaction.
    #[inline]
    pub(super) fn frames_left(&self) -> u64 {
        let fresh = self.layout.segments_max() as usize - self.all.len() + self.free.len();
        let frames = self.layout.segment_frames();
        let begun = self.filling.map_or(0, |(_, given)| frames - given);
        fresh as u64 * u64::from(frames) + u64::from(begun)
    }

    /// The number of the next frame to fill.
    pub(super) fn next_frame(&mut self) -> Option<u32> {
        let frames = self.layout.segment_frames();
        let (segment, given) = match self.filling {
            Some((segment, given)) if given < frames => (segment, given),
            _ => (self.open()?, 0),
        };
        self.filling = Some((segment, given + 1));
        Some(segment << self.layout.frame_bits | given)
    }

    fn open(&mut self) -> Option<u32> {
        let number = match self.free.pop() {
            Some(number) => number,
            None if (self.all.len() as u32) < self.layout.segments_max() => {
                self.all.push(Segment::new(&self.layout));
                self.all.len() as u32 - 1
            }
            None => return None,
        };
        self.touch(number as usize);
        let version = self.capture.version;
        let segment = &mut self.all[number as usize];
        segment.phase = Phase::Filling;
        segment.newest = 0;
        segment.opened = version;
        segment.header().turn = segment.header().turn.wrapping_add(1);
        Some(number)
    }

    /// A frame was handed over. With its last frame, a segment is closed.
    pub(super) fn sealed(&mut self, frame: u32) {
        let frames = self.layout.segment_frames();
        if frame & (frames - 1) != frames - 1 {
            return;
        }
        let number = frame >> self.layout.frame_bits;
        self.filling = None;
        self.all[number as usize].phase = Phase::Closed;
        self.closed += 1;
        self.free_if_empty(number);
    }

    #[inline(always)]
    fn place(&self, location: u32) -> (usize, usize, u64) {
        let bit = location & ((1 << self.layout.segment_bits()) - 1);
        let segment = location >> self.layout.segment_bits();
        (
            segment as usize,
            HEADER_WORDS + bit as usize / 64,
            1 << (bit % 64),
        )
    }

    /// Asks for the line that [`Segments::died`] of this location will touch.
    #[inline(always)]
    pub(super) fn prefetch(&self, location: u32) {
        let (segment, word, _) = self.place(location);
        crate::sys::memory::prefetch_read(&self.all[segment].map, word);
    }

    /// A record was written at `location`.
    #[inline(always)]
    pub(super) fn born(&mut self, location: u32, stamp: u64) {
        let (number, word, bit) = self.place(location);
        self.touch(number);
        let segment = &mut self.all[number];
        debug_assert!(
            segment.map[word] & bit == 0,
            "a live record is written over"
        );
        segment.map[word] |= bit;
        segment.live += 1;
        segment.newest = segment.newest.max(stamp);
        self.live += 1;
    }

    /// Whether the record at `location` is the latest of its key.
    #[inline(always)]
    pub(super) fn is_live(&self, location: u32) -> bool {
        let (segment, word, bit) = self.place(location);
        self.all[segment].map[word] & bit != 0
    }

    /// The record at `location` is no longer the latest of its key.
    #[inline(always)]
    pub(super) fn died(&mut self, location: u32) {
        let (number, word, bit) = self.place(location);
        self.touch(number);
        let segment = &mut self.all[number];
        debug_assert!(segment.map[word] & bit != 0, "a record dies once");
        segment.map[word] &= !bit;
        segment.live -= 1;
        self.live -= 1;
        if segment.live == 0 {
            self.free_if_empty(number as u32);
        }
    }

    fn free_if_empty(&mut self, number: u32) {
        let segment = &mut self.all[number as usize];
        if segment.phase == Phase::Closed && segment.live == 0 {
            self.closed -= 1;
            self.release(number);
        }
    }

    /// The segment is free, at once or as soon as no epoch speaks of it.
    fn release(&mut self, number: u32) {
        let segment = &mut self.all[number as usize];
        segment.phase = Phase::Free;
        if segment.opened < self.capture.version {
            self.capture.pinned.push_back((self.capture.epoch, number));
        } else {
            self.free.push(number);
        }
    }

    /// The map of segment `number`, which is about to change, goes to the checkpoint as it is, if it is still owed.
    #[inline(always)]
    fn touch(&mut self, number: usize) {
        if self.all[number].changed != self.capture.version {
            self.first_change(number);
        }
    }

    #[cold]
    #[inline(never)]
    fn first_change(&mut self, number: usize) {
        let segment = &mut self.all[number];
        let owed = self.capture.owed.as_mut();
        let port = owed.and_then(|owed| owed.before_write(number, segment.changed));
        if let Some(port) = port {
            port.plain_block(number as u64, bytemuck::cast_slice(&segment.map));
        }
        segment.changed = self.capture.version;
    }

    /// Segments that epochs which are begun may speak of can be filled anew once they speak of none before `epoch`.
    pub(super) fn unpin_before(&mut self, epoch: Option<u64>) {
        while let Some(&(pinned, number)) = self.capture.pinned.front() {
            if epoch.is_some_and(|epoch| pinned >= epoch) {
                return;
            }
            self.capture.pinned.pop_front();
            self.free.push(number);
        }
    }

    /// The map of a segment, and the version of its last change.
    pub(super) fn map(&self, number: usize) -> (&[u8], u32) {
        let segment = &self.all[number];
        (bytemuck::cast_slice(&segment.map), segment.changed)
    }

    /// What the segments hold by now is in no file.
    pub(super) fn count_as_changed(&mut self) {
        for segment in &mut self.all {
            segment.changed = self.capture.version;
            segment.opened = self.capture.version;
        }
    }

    /// Records that are the latest of their key.
    pub(super) fn live(&self) -> u64 {
        self.live
    }

    /// Records that the closed segments have room for, live or not.
    pub(super) fn closed_records(&self) -> u64 {
        self.closed * u64::from(self.layout.segment_records())
    }

    /// Closed segments.
    pub(super) fn closed(&self) -> u64 {
        self.closed
    }

    /// Segments the file has, free ones among them.
    pub(super) fn count(&self) -> u64 {
        self.all.len() as u64
    }

    /// The next segment to compact: one with nothing newer than `horizon` if `only_expired`, else the one
    /// with the fewest live records among those looked at; and how many those were.
    pub(super) fn choose(&mut self, horizon: u64, only_expired: bool) -> (Option<u32>, u64) {
        let mut best: Option<(u32, usize)> = None;
        let mut looked = 0;
        for _ in 0..self.all.len().min(LOOKED_AT) {
            looked += 1;
            self.hand = if self.hand + 1 < self.all.len() {
                self.hand + 1
            } else {
                0
            };
            let segment = &self.all[self.hand];
            if segment.phase != Phase::Closed {
                continue;
            }
            if segment.newest < horizon {
                best = Some((0, self.hand));
                break;
            }
            if !only_expired && best.is_none_or(|(live, _)| segment.live < live) {
                best = Some((segment.live, self.hand));
            }
        }
        if let Some((_, number)) = best {
            self.all[number].phase = Phase::Victim;
            self.closed -= 1;
        }
        (best.map(|(_, number)| number as u32), looked)
    }

    /// Everything live of the victim has been moved.
    pub(super) fn emptied(&mut self, number: u32) {
        debug_assert_eq!(self.all[number as usize].live, 0, "what is live was moved");
        self.release(number);
    }

    /// The first live location of `segment` from its `from`-th on.
    pub(super) fn next_live(&self, segment: u32, from: u32) -> Option<u32> {
        let bits = &self.all[segment as usize].map[HEADER_WORDS..];
        let first = from as usize / 64;
        let mut mask = u64::MAX << (from % 64);
        for (at, word) in bits.iter().enumerate().skip(first) {
            let word = word & mask;
            if word != 0 {
                let bit = at as u32 * 64 + word.trailing_zeros();
                return Some(segment << self.layout.segment_bits() | bit);
            }
            mask = u64::MAX;
        }
        None
    }
}
