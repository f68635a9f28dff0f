//! The port of one part: how a task hands its state over, without ever waiting.
//!
//! ```text
//!   begin ─► block … extras … ─► end        frames, while there is room
//!               └─ no room ─► abort         the epoch is void and counted; the next one is sent in full
//! ```
//!
//! Owned by the task. Where the run makes no checkpoints it is not connected, and `begin` says so.

use super::ROTATION;
use super::piece::Piece;
use super::region::{FrameHead, Receiver, Region, Sender};
use super::writer::next_target;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

const BEGIN: u32 = 1;
const BLOCK: u32 = 2;
const EXTRAS: u32 = 3;
const END: u32 = 4;
const ABORT: u32 = 5;

/// Frames kept for the words that end an epoch.
const RESERVED: u64 = 4;

/// Where a part's frames will go, once all parts of the flow are known.
pub type Slot = Arc<OnceLock<Arc<Region>>>;

/// Blocks that a part may have to send at once: room for them is made ready by a thread off the cores.
pub type Expected = Arc<AtomicU64>;

/// What an epoch is written onto.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Which rotation file.
    pub target: usize,
    /// The epoch it holds; what has not changed since need not be sent.
    pub since: Option<u64>,
}

/// The engine's end of one part.
#[derive(Debug)]
pub struct Port {
    slot: Slot,
    part: usize,
    sender: Option<Sender>,
    begun: bool,
    expected: Expected,
}

impl Port {
    /// The port of part `part`, over the region that `slot` will hold by the time of the first epoch.
    pub fn new(slot: Slot, part: usize) -> Self {
        Port {
            slot,
            part,
            sender: None,
            begun: false,
            // One frame at least: extras alone need it.
            expected: Expected::new(AtomicU64::new(1)),
        }
    }

    /// Where the port says how many blocks it may have to send at once.
    pub fn expected(&self) -> Expected {
        self.expected.clone()
    }

    /// The part has grown to so many blocks.
    pub fn expect(&self, blocks: u64) {
        // Relaxed: a hint, which publishes nothing.
        self.expected.store(blocks, Ordering::Relaxed);
    }

    /// Starts `epoch`, if checkpoints are made. Extras are to follow, then blocks.
    pub fn begin(&mut self, epoch: u64) -> Option<Begun> {
        if self.sender.is_none() {
            let region = self.slot.get()?;
            self.sender = Some(Sender::new(region.clone(), self.part));
        }
        let sender = self.sender.as_mut()?;
        // Epochs are made one at a time: the source asked for this one after all before it were settled, so
        // all parts see the same files here.
        let (_, files) = sender.region().settled();
        let begun = Begun::choose(files);
        sender.rewind();
        self.begun = sender.room() > RESERVED;
        let head = FrameHead {
            kind: BEGIN,
            len: 0,
            a: epoch,
            b: (begun.since.unwrap_or(0) << 8) | begun.target as u64,
        };
        self.begun.then(|| {
            self.send(head, &[]);
            begun
        })
    }

    /// Sends what else the part remembers. False: there was no room, and the epoch is void.
    pub fn extras(&mut self, bytes: &[u8]) -> bool {
        let Some(payload) = self.sender.as_ref().map(Sender::payload_bytes) else {
            return false;
        };
        for piece in bytes.chunks(payload) {
            let head = FrameHead {
                kind: EXTRAS,
                len: piece.len() as u32,
                ..FrameHead::default()
            };
            if !self.has_room() {
                self.abort();
                return false;
            }
            self.send(head, piece);
        }
        true
    }

    /// The oldest epoch that can still be restored, as the last that was settled left it.
    pub fn oldest_epoch(&self) -> Option<u64> {
        let (_, files) = self.sender.as_ref()?.region().settled();
        files.into_iter().filter(|&epoch| epoch > 0).min()
    }

    /// Whether an epoch is being sent.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.begun
    }

    /// Whether a block can be sent now.
    #[inline]
    pub fn has_room(&mut self) -> bool {
        self.sender
            .as_mut()
            .is_some_and(|sender| sender.room() > RESERVED)
    }

    /// Whether more than half of the frames are free. Where they are not and the writer has gone, nobody will make
    /// room: the epoch is void, so that no task waits for its end.
    #[inline]
    pub fn has_ample_room(&mut self) -> bool {
        let Some(sender) = &mut self.sender else {
            return false;
        };
        if sender.has_ample_room() {
            return true;
        }
        self.begun &= !sender.region().is_writer_gone();
        false
    }

    /// Sends the `len` bytes at `block`. False: there was no room, and the epoch is void.
    ///
    /// # Safety
    /// `block` is valid for reading `len` bytes, padding of entries among them.
    #[allow(unsafe_code)]
    // SAFETY: to be had from the caller, as said above.
    pub unsafe fn block(&mut self, index: u64, block: *const u8, len: usize) -> bool {
        if !self.has_room() {
            self.abort();
            return false;
        }
        let head = FrameHead {
            kind: BLOCK,
            len: len as u32,
            a: index,
            b: 0,
        };
        if let Some(sender) = &mut self.sender {
            // SAFETY: by contract.
            unsafe { sender.send(head, block) };
        }
        true
    }

    /// Sends a block whose every byte has a value. False: there was no room, and the epoch is void.
    pub fn plain_block(&mut self, index: u64, block: &[u8]) -> bool {
        #[allow(unsafe_code)]
        // SAFETY: a slice is valid for its length.
        unsafe {
            self.block(index, block.as_ptr(), block.len())
        }
    }

    /// Everything was sent, of `blocks` blocks.
    pub fn end(&mut self, blocks: u64) {
        self.last(END, blocks);
    }

    /// The epoch cannot be sent.
    pub fn abort(&mut self) {
        self.last(ABORT, 0);
    }

    fn last(&mut self, kind: u32, a: u64) {
        if std::mem::take(&mut self.begun) {
            let head = FrameHead {
                kind,
                a,
                ..FrameHead::default()
            };
            self.send(head, &[]);
        }
    }

    #[allow(unsafe_code)]
    fn send(&mut self, head: FrameHead, payload: &[u8]) {
        if let Some(sender) = &mut self.sender {
            // SAFETY: a slice is valid for its length, which is `head.len`.
            unsafe { sender.send(head, payload.as_ptr()) };
        }
    }
}

impl Begun {
    /// The file to write, where these epochs are held.
    fn choose(files: [u64; ROTATION]) -> Begun {
        let target = usize::from(next_target(&files));
        Begun {
            target,
            since: (files[target] > 0).then_some(files[target]),
        }
    }
}

/// The writer's end of one part.
#[derive(Debug)]
pub struct Inflow {
    receiver: Receiver,
}

impl Inflow {
    /// The other end of part `part`.
    pub fn new(region: Arc<Region>, part: usize) -> Self {
        Inflow {
            receiver: Receiver::new(region, part),
        }
    }

    /// Shows up to `most` pieces to `show`, in order; how many there were.
    pub fn take(&mut self, most: u64, mut show: impl FnMut(Piece<'_>)) -> u64 {
        self.receiver.take(most, |head, bytes| {
            show(match head.kind {
                BEGIN => Piece::Begin {
                    epoch: head.a,
                    target: head.b as u8,
                    since: (head.b >> 8 > 0).then_some(head.b >> 8),
                },
                BLOCK => Piece::Block {
                    index: head.a,
                    bytes,
                },
                EXTRAS => Piece::Extras { bytes },
                END => Piece::End { blocks: head.a },
                _ => Piece::Abort,
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(staging_bytes: u64) -> (Port, Inflow, Arc<Region>) {
        let region = Region::new(&[128], staging_bytes).expect("memory");
        let slot = Slot::default();
        slot.set(region.clone()).expect("empty");
        (Port::new(slot, 0), Inflow::new(region.clone(), 0), region)
    }

    fn all(inflow: &mut Inflow) -> Vec<String> {
        let mut seen = Vec::new();
        inflow.take(u64::MAX, |piece| seen.push(format!("{piece:?}")));
        seen
    }

    #[allow(unsafe_code)]
    fn block(port: &mut Port, index: u64) -> bool {
        let bytes = [index as u8; 128];
        // SAFETY: the array is as long.
        unsafe { port.block(index, bytes.as_ptr(), bytes.len()) }
    }

    #[test]
    fn pieces_arrive_in_order_and_pages_are_used_again() {
        let (mut port, mut inflow, region) = pair(0);
        for epoch in 1..=9u64 {
            let begun = port.begin(epoch).expect("connected");
            let held = epoch.checked_sub(ROTATION as u64).filter(|&held| held > 0);
            assert_eq!(begun.since, held, "three files in rotation");
            assert!(port.extras(&[7; 200]));
            assert!(block(&mut port, 3));
            port.end(4);
            let seen = all(&mut inflow);
            assert_eq!(seen.len(), 5, "the extras take two frames: {seen:?}");
            assert!(seen[0].contains(&format!("epoch: {epoch}, target: {}", begun.target)));
            assert_eq!(seen[4], "End { blocks: 4 }");
            let (_, mut files) = region.settled();
            files[begun.target] = epoch;
            region.settle(epoch, files);
        }
    }

    #[test]
    fn without_room_an_epoch_is_void_and_the_next_goes_through() {
        let (mut port, mut inflow, _region) = pair(0);
        assert!(port.begin(1).is_some());
        let sent = (0..100)
            .take_while(|&index| block(&mut port, index))
            .count();
        assert!(sent < 100 && !port.is_open());
        let seen = all(&mut inflow);
        assert_eq!(seen.len(), sent + 2);
        assert_eq!(seen.last().map(String::as_str), Some("Abort"));
        assert!(port.begin(2).is_some());
        assert!(block(&mut port, 0));
        port.end(1);
        assert_eq!(all(&mut inflow).len(), 3);
    }

    #[test]
    fn an_epoch_that_nobody_will_make_room_for_is_void() {
        let (mut port, _inflow, region) = pair(0);
        assert!(port.begin(1).is_some());
        let mut index = 0;
        while port.has_ample_room() {
            assert!(block(&mut port, index));
            index += 1;
        }
        assert!(port.is_open(), "the writer may still make room");
        region.writer_gone();
        assert!(!port.has_ample_room() && !port.is_open());
    }

    #[test]
    fn a_port_that_is_not_connected_makes_no_epoch() {
        assert_eq!(Port::new(Slot::default(), 0).begin(1), None);
    }

    #[test]
    fn a_region_is_opened_through_its_file_and_nothing_else_is() {
        let (mut port, _, region) = pair(0);
        let other = Region::open(region.file().try_clone().expect("a file")).expect("a region");
        let mut inflow = Inflow::new(other, 0);
        assert!(port.begin(5).is_some());
        port.abort();
        assert_eq!(all(&mut inflow).len(), 2);
        let foreign = tempfile::tempfile().expect("a file");
        foreign.set_len(8192).expect("room");
        assert!(Region::open(foreign).is_err());
    }
}
