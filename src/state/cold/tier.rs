//! The task's half of a cold tier: what it owns, evictions, and what comes back.
//!
//! ```text
//!   evict ─► open frame ── full ─► Write ─► … ─► Written: the frame is filled again
//!   fetch ─► index ─► Read ─► … ─► Found │ NotThis      (fetch.rs)
//!   segments ─► Move ─► … ─► appended again             (compaction.rs)
//! ```
//!
//! Invariant: what may be under way has room in the rings. Reads are bounded by the slots of [`Waiting`],
//! writes by the frames, moves by a constant; each has one answer.

use super::compaction::{Compaction, MOVES_MAX};
use super::error::ColdError;
use super::fetch::Reply;
use super::index::{Index, fingerprint};
use super::late::Late;
use super::layout::{self, Layout};
use super::message::{Answer, Frame, Request};
use super::options::ColdOptions;
use super::segments::Segments;
use super::server::{BATCH, ColdServer, Server, Shared};
use super::storage::Storage;
use super::sync::{Sync, Synced};
use super::waiting::Waiting;
use crate::checkpoint::record;
use crate::task::{ColdFigures, TaskError};
use bytemuck::Pod;
use hdrhistogram::Histogram;
use rtrb::{Consumer, Producer, RingBuffer};
use std::marker::PhantomData;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// Frames of a tier: what is evicted while the helper writes the earlier ones. At 64 KiB, 1 MiB a partition.
pub(super) const FRAMES: usize = 16;
/// Requests that are published together.
const PUBLISH_EVERY: usize = 32;
/// Answers worked through together.
const ANSWERS_BATCH: usize = 16;
/// Frames that evictions leave to compaction, so that it never starves.
const FRAMES_KEPT: u64 = 2;
/// Syncs under way at the most.
const SYNCS: usize = 1;
/// Longest read the figures tell apart, ns: one hour.
const READ_NS_MAX: u64 = 3_600_000_000_000;

/// The frame being filled.
pub(super) struct Open {
    pub(super) frame: Frame,
    pub(super) number: u32,
    pub(super) records: u32,
}

/// The cold entries of one partition: the task's half.
pub struct Cold<V: Pod> {
    pub(super) name: String,
    pub(super) layout: Layout,
    pub(super) index: Index,
    pub(super) late: Late,
    pub(super) segments: Segments,
    pub(super) waiting: Waiting,
    pub(super) compaction: Compaction,
    pub(super) open: Option<Open>,
    frames: Vec<Frame>,
    requests: Producer<Request>,
    /// Requests that the server does not see yet.
    unpublished: Vec<Request>,
    answers: Consumer<Answer<V>>,
    /// Answers being worked through.
    taken: Vec<Answer<V>>,
    pub(super) shared: Arc<Shared<V>>,
    pub(super) failure: Option<String>,
    pub(super) read: Histogram<u64>,
    writes: u64,
    /// Syncs asked for: one at a time, one an epoch.
    pub(super) syncs: u64,
    pub(super) synced: Arc<Synced>,
    value: PhantomData<V>,
}

/// A cold tier in `storage`: the task's half and the server's.
///
/// # Errors
/// When the sizes in `options` do not fit each other or a record, or the storage cannot be written.
pub fn cold_tier<V: Pod + Send>(
    mut storage: impl Storage,
    options: ColdOptions,
) -> Result<(Cold<V>, ColdServer<V>), ColdError> {
    let layout = Layout::new(size_of::<V>(), &options)?;
    if options.reads_max == 0 {
        return Err(ColdError::Options {
            what: "reads_max is 0: give at least 1".to_owned(),
        });
    }
    storage.grow(layout::HEADER_BYTES)?;
    storage.write(0, &layout::header(&layout, options.partition))?;
    // Everything that may be under way has room, one place is left for a failure, and as many as the server
    // takes at a time: it gives their places back only after the last of them is answered.
    let capacity = options.reads_max + FRAMES + MOVES_MAX + SYNCS + 1 + BATCH;
    let (requests, requests_in) = RingBuffer::new(capacity);
    let (answers_out, answers) = RingBuffer::new(capacity);
    let frame = || vec![0u64; layout.frame_bytes / 8].into_boxed_slice();
    let name = storage.name().to_owned();
    let synced = Arc::new(Synced::default());
    let shared = Arc::new(Shared {
        server: Mutex::new(Server {
            requests: requests_in,
            answers: answers_out,
            storage: Box::new(storage),
            layout,
            grow_bytes: options.grow_bytes,
            turns: Vec::new(),
            failed: false,
            sync: Sync {
                syncer: None,
                synced: synced.clone(),
            },
        }),
        wanted: AtomicBool::new(false),
    });
    let cold = Cold {
        name,
        layout,
        index: Index::new(),
        late: Late::new(),
        segments: Segments::new(layout),
        waiting: Waiting::new(options.reads_max),
        compaction: Compaction::default(),
        open: None,
        frames: (0..FRAMES).map(|_| frame()).collect(),
        requests,
        unpublished: Vec::with_capacity(PUBLISH_EVERY),
        answers,
        taken: Vec::with_capacity(ANSWERS_BATCH),
        shared: shared.clone(),
        failure: None,
        read: Histogram::new_with_bounds(1, READ_NS_MAX, 3)
            .expect("the bounds are constants that fit"),
        writes: 0,
        syncs: 0,
        synced,
        value: PhantomData,
    };
    Ok((cold, ColdServer { shared }))
}

impl<V: Pod> Cold<V> {
    #[inline(always)]
    pub(super) fn ask(&mut self, request: Request) {
        self.unpublished.push(request);
        if self.unpublished.len() == PUBLISH_EVERY {
            self.publish();
        }
    }

    /// Lets the server see what was asked for. Call it when no more is asked for now.
    #[inline]
    pub fn publish(&mut self) {
        let count = self.unpublished.len();
        if count == 0 {
            return;
        }
        let Ok(chunk) = self.requests.write_chunk_uninit(count) else {
            unreachable!("the ring has room for every read, move and frame that may be under way");
        };
        chunk.fill_from_iter(self.unpublished.drain(..));
    }

    /// How many evictions are sure to find room before the next poll.
    #[inline]
    pub fn rooms(&self) -> usize {
        let kept = FRAMES_KEPT * u64::from(self.layout.frame_records) + self.compaction.moving();
        self.free_records().saturating_sub(kept) as usize
    }

    /// Whether an eviction is sure to find room.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.rooms() > 0
    }

    /// Records that frames at hand have room for.
    #[inline(always)]
    pub(super) fn free_records(&self) -> u64 {
        let frames = (self.frames.len() as u64).min(self.segments.frames_left());
        let open = self.open.as_ref();
        let begun = open.map_or(0, |open| self.layout.frame_records - open.records);
        frames * u64::from(self.layout.frame_records) + u64::from(begun)
    }

    /// Makes an entry cold. `hash` is `mum64(key)`; `key` must not be cold.
    ///
    /// # Panics
    /// Without room: see [`Cold::rooms`].
    #[inline]
    pub fn evict(&mut self, hash: u64, key: u64, stamp: u64, value: &V) {
        let fingerprint = fingerprint(hash);
        self.index.prefetch_header(fingerprint);
        if let Some(earlier) = self.late.half_way() {
            self.index.prefetch(earlier);
        }
        let location = self.append(key, stamp, value);
        if let Some((fingerprint, location)) = self.late.exchange(fingerprint, location) {
            self.index.insert(fingerprint, location);
        }
        self.compaction.evicted();
    }

    /// Enters what waits to be entered.
    pub(super) fn enter_late(&mut self) {
        for (fingerprint, location) in self.late.drain() {
            self.index.insert(fingerprint, location);
        }
    }

    #[inline(always)]
    pub(super) fn append(&mut self, key: u64, stamp: u64, value: &V) -> u32 {
        if self.open.is_none() {
            self.open_frame();
        }
        let open = self.open.as_mut().expect("just opened");
        let location = open.number << self.layout.record_bits | open.records;
        let at = open.records as usize * self.layout.record_bytes;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut open.frame);
        let bytes = &mut bytes[at..at + self.layout.record_bytes];
        record::put(bytes, key, stamp, bytemuck::bytes_of(value));
        open.records += 1;
        self.segments.born(location, stamp);
        self.writes += 1;
        if open.records == self.layout.frame_records {
            self.flush();
        }
        location
    }

    #[cold]
    fn open_frame(&mut self) {
        let frame = self.frames.pop().expect("evict was called without room");
        let number = self
            .segments
            .next_frame()
            .expect("rooms counts the frames left");
        self.open = Some(Open {
            frame,
            number,
            records: 0,
        });
    }

    /// Hands the part-filled frame over. The rest of it stays empty until its segment is compacted.
    pub fn flush(&mut self) {
        if let Some(open) = self.open.take() {
            self.segments.sealed(open.number);
            self.ask(Request::Write {
                frame: open.frame,
                number: open.number,
                records: open.records,
            });
        }
    }

    /// Takes what has come back and has compaction go on by a bounded amount; whether anything moved.
    ///
    /// # Errors
    /// When the file failed: the run cannot go on.
    pub fn poll(
        &mut self,
        now_ns: u64,
        mut reply: impl FnMut(Reply<V>),
    ) -> Result<bool, TaskError> {
        if let Some(message) = &self.failure {
            let message = message.clone();
            return Err(TaskError {
                message,
                cause: None,
            });
        }
        if self.synced.has_failed() {
            return Err(self.synced.error());
        }
        self.enter_late();
        self.publish();
        // No more than is there now: the server may go on as fast as this loop.
        let count = self.answers.slots();
        if let Err(error) = self.take_answers(count, now_ns, &mut reply) {
            self.failure = Some(error.to_string());
            return Err(TaskError::from(error));
        }
        if count == 0 && self.shared.server.is_poisoned() {
            let name = self.name.clone();
            return Err(TaskError::from(ColdError::Helper { name }));
        }
        let asked = self.compact();
        if self.segments.frames_left() == 0 && !self.compaction.is_under_way() {
            return Err(TaskError::from(ColdError::TooLarge {
                name: self.name.clone(),
                segments: self.layout.segments_max(),
                segment_bytes: self.layout.segment_bytes(),
            }));
        }
        self.publish();
        Ok(count > 0 || asked)
    }

    fn take_answers(
        &mut self,
        count: usize,
        now_ns: u64,
        reply: &mut impl FnMut(Reply<V>),
    ) -> Result<(), ColdError> {
        let mut left = count;
        while left > 0 {
            // Taken out in small batches, so that the lines of their index entries come meanwhile.
            let batch = left.min(ANSWERS_BATCH);
            left -= batch;
            let Ok(chunk) = self.answers.read_chunk(batch) else {
                return Ok(());
            };
            self.taken.extend(chunk);
            let mut taken = std::mem::take(&mut self.taken);
            let reads = || {
                taken.iter().filter_map(|answer| match answer {
                    Answer::Found { slot, .. } => Some(self.waiting.get(*slot)),
                    _ => None,
                })
            };
            reads().for_each(|read| self.index.prefetch_header(read.fingerprint));
            for read in reads() {
                self.index.prefetch(read.fingerprint);
                self.segments.prefetch(read.location);
            }
            for answer in taken.drain(..) {
                match answer {
                    Answer::Found { slot, stamp, value } => {
                        self.found(slot, stamp, value, now_ns, reply)
                    }
                    Answer::NotThis { slot } => self.not_this(slot, now_ns, reply),
                    Answer::Move {
                        location,
                        stamp,
                        key,
                        value,
                    } => self.moved(location, stamp, key, &value),
                    Answer::Written { frame } => self.frames.push(frame),
                    Answer::Failed { error } => return Err(*error),
                }
            }
            self.taken = taken;
        }
        Ok(())
    }

    /// Reads under way.
    #[inline(always)]
    pub fn pending(&self) -> usize {
        self.waiting.len()
    }

    /// Keys that are cold, those asked for and not yet had among them.
    pub fn len(&self) -> u64 {
        self.index.len() + self.late.len()
    }

    /// Whether no key is cold.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it counted.
    pub fn figures(&self) -> ColdFigures {
        ColdFigures {
            reads: self.read.len(),
            read: self.read.clone(),
            writes: self.writes,
            moved: self.compaction.moved(),
            file_bytes: layout::HEADER_BYTES + self.segments.count() * self.layout.segment_bytes(),
            live_bytes: self.segments.live() * self.layout.record_bytes as u64,
            index_bytes: self.index.bytes(),
            waiting_max: 0,
        }
    }
}
