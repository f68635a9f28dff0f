//! The memory that the engine and its writer share: a ring of frames for each part, and what has become of
//! each epoch. The writer may be another process; what passes between the two is in here alone.
//!
//! ```text
//!   byte 0        4096                              lane 0's frames             lane 1's frames
//!        ├─ words ─┼─ lane heads, 256 B each ─ … ─┼─ frame ─┼─ frame ─┼─ … ─┼─ …
//!
//!   lane head   0 head (frames sent)   8 origin        written by the engine
//!              64 tail (frames taken)                  written by the writer
//!             128 offset, frame_bytes, slots           fixed
//!   frame       0 kind │ 4 len │ 8 word a │ 16 word b │ 24.. 64 free │ 64.. payload
//! ```
//!
//! A lane has one sender and one receiver; frame `n` lies in slot `(n - origin) % slots`. The sender moves
//! `origin` up to `head` when the lane is empty, so that the pages used for one epoch serve the next again.
//!
//! Invariants
//! 1. A frame is written by the sender between [`SendEnd::next`] and [`SendEnd::publish`] alone, and read by the
//!    receiver between [`TakeEnd::next`] and [`TakeEnd::release`] alone: the protocol of `lane.rs`.
//! 2. Slots lie inside the mapping: checked when it is made and when it is opened.
#![allow(unsafe_code)]

use super::ROTATION;
use super::lane::{LaneWords, SendEnd, TakeEnd};
use crate::sys::sync::{AtomicU64, Ordering};
use memmap2::{Advice, MmapOptions, MmapRaw};
use std::fs::File;
use std::io;
use std::sync::Arc;

const MAGIC: u64 = u64::from_le_bytes(*b"MSREGN01");
const WORDS_BYTES: usize = 4096;
const LANE_BYTES: usize = 256;
/// Bytes before the payload of a frame.
pub(super) const FRAME_HEAD_BYTES: usize = 64;

/// The tasks have ended as they should: all parts of the last epoch are sent, or will be.
const FINISHED: u64 = 1;
/// They have not.
const ABANDONED: u64 = 2;

/// Both sides' words, at the start of the region.
#[repr(C)]
struct Words {
    magic: u64,
    bytes: u64,
    lanes: u64,
    /// The last epoch that was settled, durable or not. Stored with Release after `files`.
    settled: AtomicU64,
    /// Which durable epoch each rotation file holds for all parts; 0: none.
    files: [AtomicU64; ROTATION],
    /// 1 once the writer takes nothing any more.
    gone: AtomicU64,
    /// [`FINISHED`] or [`ABANDONED`] once the tasks of the engine send nothing any more.
    finished: AtomicU64,
}
const _: () = assert!(size_of::<Words>() <= WORDS_BYTES);

#[repr(C, align(256))]
struct LaneHead {
    head: AtomicU64,
    origin: AtomicU64,
    spare: [u64; 6],
    tail: AtomicU64,
    spare_too: [u64; 7],
    offset: u64,
    frame_bytes: u64,
    slots: u64,
}
const _: () = {
    assert!(size_of::<LaneHead>() == LANE_BYTES);
    assert!(core::mem::offset_of!(LaneHead, tail) == 64);
    assert!(core::mem::offset_of!(LaneHead, offset) == 128);
};

impl LaneHead {
    fn words(&self) -> LaneWords<'_> {
        LaneWords {
            head: &self.head,
            origin: &self.origin,
            tail: &self.tail,
            slots: self.slots,
        }
    }
}

/// The head of a frame.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FrameHead {
    pub(super) kind: u32,
    pub(super) len: u32,
    pub(super) a: u64,
    pub(super) b: u64,
}

/// The shared memory, mapped.
#[derive(Debug)]
pub struct Region {
    mapping: MmapRaw,
    file: File,
}

impl Region {
    /// A region with a lane for each of `payload_bytes`: frames of that size, as many as fit in
    /// `staging_bytes` shared out evenly. Pages come when they are first used.
    ///
    /// # Errors
    /// The system's.
    pub fn new(payload_bytes: &[usize], staging_bytes: u64) -> io::Result<Arc<Region>> {
        let name = "millstream-checkpoint";
        let file = File::from(rustix::fs::memfd_create(
            name,
            rustix::fs::MemfdFlags::CLOEXEC,
        )?);
        let lanes = payload_bytes.len();
        let start = (WORDS_BYTES + lanes * LANE_BYTES).next_multiple_of(4096) as u64;
        let mut offset = start;
        let mut heads = Vec::with_capacity(lanes);
        for payload in payload_bytes {
            let frame_bytes = (FRAME_HEAD_BYTES + payload.next_multiple_of(64)) as u64;
            let slots = (staging_bytes / lanes as u64 / frame_bytes).max(SLOTS_MIN);
            heads.push((offset, frame_bytes, slots));
            // Huge pages begin at multiples of their size.
            offset = (offset + slots * frame_bytes).next_multiple_of(2 << 20);
        }
        file.set_len(offset)?;
        let region = Region::map(file, offset)?;
        region.mapping.advise(Advice::HugePage).ok();
        for (lane, (offset, frame_bytes, slots)) in heads.into_iter().enumerate() {
            // SAFETY: lane heads lie between the words and `start`; nobody else has the region yet.
            let head = unsafe { &mut *region.lane_head(lane).cast_mut() };
            (head.offset, head.frame_bytes, head.slots) = (offset, frame_bytes, slots);
        }
        // SAFETY: as above.
        let words = unsafe { &mut *region.mapping.as_mut_ptr().cast::<Words>() };
        (words.magic, words.bytes, words.lanes) = (MAGIC, offset, lanes as u64);
        Ok(Arc::new(region))
    }

    /// Opens the region that another process has made and handed over as `file`.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::InvalidData`] where it is no region.
    pub fn open(file: File) -> io::Result<Arc<Region>> {
        let bytes = file.metadata()?.len();
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "not a checkpoint region");
        if bytes < WORDS_BYTES as u64 {
            return Err(invalid());
        }
        let region = Region::map(file, bytes)?;
        let words = region.words();
        let heads = WORDS_BYTES as u64 + words.lanes.saturating_mul(LANE_BYTES as u64);
        if words.magic != MAGIC || words.bytes != bytes || heads > bytes {
            return Err(invalid());
        }
        for lane in 0..region.lanes() {
            // SAFETY: below `heads`.
            let head = unsafe { &*region.lane_head(lane) };
            let lane_bytes = head.slots.checked_mul(head.frame_bytes);
            let end = lane_bytes.and_then(|lane_bytes| lane_bytes.checked_add(head.offset));
            if head.slots == 0 || end.is_none_or(|end| end > bytes) {
                return Err(invalid());
            }
        }
        Ok(Arc::new(region))
    }

    fn map(file: File, bytes: u64) -> io::Result<Region> {
        let mapping = MmapOptions::new()
            .len(bytes as usize)
            .no_reserve_swap()
            .map_raw(&file)?;
        Ok(Region { mapping, file })
    }

    /// The memory as a file, to hand to another process.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Lanes it has.
    pub fn lanes(&self) -> usize {
        self.words().lanes as usize
    }

    fn words(&self) -> &Words {
        // SAFETY: the mapping is longer than the words and aligned to a page; what changes is atomic.
        unsafe { &*self.mapping.as_mut_ptr().cast::<Words>() }
    }

    fn lane_head(&self, lane: usize) -> *const LaneHead {
        let at = WORDS_BYTES + lane * LANE_BYTES;
        self.mapping.as_mut_ptr().wrapping_add(at).cast()
    }

    fn lane(&self, lane: usize) -> &LaneHead {
        assert!(lane < self.lanes(), "a lane of this region");
        // SAFETY: there is such a lane, its head lies inside the mapping; what changes is atomic.
        unsafe { &*self.lane_head(lane) }
    }

    fn frame(&self, lane: &LaneHead, slot: u64) -> *mut u8 {
        let at = lane.offset + slot * lane.frame_bytes;
        self.mapping.as_mut_ptr().wrapping_add(at as usize)
    }

    /// The last epoch that the writer settled, and what the rotation files hold since.
    pub fn settled(&self) -> (u64, [u64; ROTATION]) {
        let words = self.words();
        // Acquire pairs with the Release in `settle`.
        let epoch = words.settled.load(Ordering::Acquire);
        let files = std::array::from_fn(|file| words.files[file].load(Ordering::Relaxed));
        (epoch, files)
    }

    /// The writer has settled `epoch`; `files` is what the rotation files hold now.
    pub fn settle(&self, epoch: u64, files: [u64; ROTATION]) {
        let words = self.words();
        for (file, epoch) in words.files.iter().zip(files) {
            file.store(epoch, Ordering::Relaxed);
        }
        // Release pairs with the Acquire in `settled`.
        words.settled.store(epoch, Ordering::Release);
    }

    /// The writer takes nothing any more: the engine makes no further checkpoints.
    pub fn writer_gone(&self) {
        self.words().gone.store(1, Ordering::Release);
    }

    /// Whether the writer has gone.
    pub fn is_writer_gone(&self) -> bool {
        self.words().gone.load(Ordering::Acquire) != 0
    }

    /// The engine sends nothing any more; the writer finishes what is there.
    pub fn finish(&self) {
        self.words().finished.store(FINISHED, Ordering::Release);
    }

    /// The engine failed: what it has not sent will not come, and is not waited for.
    pub fn abandon(&self) {
        self.words().finished.store(ABANDONED, Ordering::Release);
    }

    /// Whether the engine failed.
    pub fn is_abandoned(&self) -> bool {
        self.words().finished.load(Ordering::Acquire) == ABANDONED
    }

    /// Whether the engine has finished.
    pub fn is_finished(&self) -> bool {
        self.words().finished.load(Ordering::Acquire) != 0
    }

    /// Brings in the pages of `frames` frames of `lane` from `first` on, so that the engine does not wait for
    /// them; changes no byte.
    pub fn populate(&self, lane: usize, first: u64, frames: u64) {
        let head = self.lane(lane);
        let (first, end) = (first.min(head.slots), (first + frames).min(head.slots));
        let at = head.offset + first * head.frame_bytes;
        let bytes = (end - first) * head.frame_bytes;
        // What is refused costs speed, not correctness.
        let _ = self
            .mapping
            .advise_range(Advice::PopulateWrite, at as usize, bytes as usize);
    }
}

/// Fewest frames of a lane: the words of an epoch and some extras.
const SLOTS_MIN: u64 = 64;

/// The engine's end of one lane. One for each lane.
#[derive(Debug)]
pub(super) struct Sender {
    region: Arc<Region>,
    lane: usize,
    end: SendEnd,
}

impl Sender {
    pub(super) fn new(region: Arc<Region>, lane: usize) -> Self {
        let end = SendEnd::new(region.lane(lane).words());
        Sender { region, lane, end }
    }

    pub(super) fn region(&self) -> &Region {
        &self.region
    }

    /// Bytes a frame can carry.
    pub(super) fn payload_bytes(&self) -> usize {
        self.region.lane(self.lane).frame_bytes as usize - FRAME_HEAD_BYTES
    }

    /// Free frames.
    pub(super) fn room(&mut self) -> u64 {
        self.end.room(self.region.lane(self.lane).words())
    }

    /// Whether more than half of the frames are free.
    pub(super) fn has_ample_room(&mut self) -> bool {
        self.room() > self.region.lane(self.lane).slots / 2
    }

    /// Starts again with the first slot, if the lane is empty.
    pub(super) fn rewind(&mut self) {
        self.end.rewind(self.region.lane(self.lane).words());
    }

    /// Sends a frame with `len` bytes from `payload`. There must be room, and for so many bytes.
    ///
    /// # Safety
    /// `payload` is valid for reading `len` bytes (which may be padding).
    // SAFETY: to be had from the caller, as said above.
    pub(super) unsafe fn send(&mut self, head: FrameHead, payload: *const u8) {
        let lane = self.region.lane(self.lane);
        let len = head.len as usize;
        assert!(len <= self.payload_bytes(), "it fits a frame");
        let frame = self.region.frame(lane, self.end.next(lane.words()));
        // SAFETY: invariants 1 and 2: the slot is inside the mapping and the sender's; `payload` by contract.
        unsafe {
            frame.cast::<FrameHead>().write(head);
            std::ptr::copy_nonoverlapping(payload, frame.add(FRAME_HEAD_BYTES), len);
        }
        self.end.publish(lane.words());
    }
}

/// The writer's end of one lane.
#[derive(Debug)]
pub(super) struct Receiver {
    region: Arc<Region>,
    lane: usize,
    end: TakeEnd,
}

impl Receiver {
    pub(super) fn new(region: Arc<Region>, lane: usize) -> Self {
        let end = TakeEnd::new(region.lane(lane).words());
        Receiver { region, lane, end }
    }

    /// Shows up to `most` frames to `show`, in order; returns how many there were.
    pub(super) fn take(&mut self, most: u64, mut show: impl FnMut(FrameHead, &[u8])) -> u64 {
        let lane = self.region.lane(self.lane);
        let count = most.min(self.end.waiting(lane.words()));
        for _ in 0..count {
            let frame = self.region.frame(lane, self.end.next(lane.words()));
            // SAFETY: invariants 1 and 2: the frame was written before it was counted, and stays as it is
            // until it is released. Every byte of a shared mapping has a value, padding as well.
            let (head, payload) = unsafe {
                let head = frame.cast::<FrameHead>().read();
                let len = (head.len as usize).min(lane.frame_bytes as usize - FRAME_HEAD_BYTES);
                let payload = frame.add(FRAME_HEAD_BYTES);
                (head, std::slice::from_raw_parts(payload, len))
            };
            show(head, payload);
            self.end.release(lane.words());
        }
        count
    }
}
