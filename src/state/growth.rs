//! Pages for a table that grows, brought in by a helper thread before the table needs them.
//!
//! A fresh huge page costs the kernel about 250 µs of zeroing; on the path of an event that is a stall.
//! So a table announces where it will write next, and a helper thread asks the kernel for those pages.
//!
//! ```text
//!            0                     old end                                  new end
//!   slots    ├──── old layout ─────┤·············· new upper half ··············┤
//!   table    reads and writes      │            ◄── writes from the top down ──┤
//!   helper                         │   ◄── ready_from ══ pages present ════════┤
//! ```
//!
//! The control bytes of the new half come first, all of them. The table writes `new_end` and `write_from`, the helper moves `ready_from` down from where the table
//! has set it, unless the table has set it anew. `tests/models.rs` tries this file in every order of steps.
//! A stale `write_from` is too high, so the helper lags and the table waits longer; a stale `ready_from`
//! is too high as well, so the table believes fewer pages to be present than are. Neither is unsafe:
//! a page that is not there yet is brought in by the kernel on first touch, only later.

use crate::sys::memory::{HUGE_PAGE_BYTES, Reserve};
use crate::sys::sync::{AtomicBool, AtomicUsize, Ordering};
use std::ops::Range;
use std::sync::{Arc, Mutex, Weak};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

/// How often the helper looks how far a table has come that is growing. A table that wants to grow wakes
/// it; while none is growing it sleeps.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// After so many looks in vain the tables seem to rest halfway, and the helper looks eight times less
/// often: a thousand looks a second cost an idle machine 2 % of a core (measured).
const LOOKS_IN_VAIN: u32 = 100;

/// How far the helper runs ahead of the table. Pages ahead are memory the table may not use yet, so this
/// is a share of the new half (1/32), at least this much.
const AHEAD_BYTES_MIN: usize = 4 << 20;

/// A new half shorter than this is brought in by the table itself, in one call of some 30 µs; a helper would have to be
/// woken for it. Left to the first touch of each page it would cost more: an empty slot is read before it is
/// written, which the kernel answers with its one page of zeros, and then with another fault, where every other
/// core of the run is told to forget the first answer.
const WHOLE_BYTES: usize = 128 << 10;

/// One table's memory and the counters it shares with the helper.
#[derive(Debug)]
pub(super) struct Growth {
    pub(super) reserve: Reserve,
    /// A byte for each slot.
    controls: Arc<Reserve>,
    slot_bytes: usize,
    old_end: AtomicUsize,
    new_end: AtomicUsize,
    write_from: AtomicUsize,
    ready_from: AtomicUsize,
    helper: Option<Thread>,
}

impl Growth {
    /// The counters of a table in `reserve`, and the helper it may wake.
    pub(super) fn new(
        reserve: Reserve,
        controls: Arc<Reserve>,
        slot_bytes: usize,
        helper: Option<Thread>,
    ) -> Self {
        Growth {
            reserve,
            controls,
            slot_bytes,
            old_end: AtomicUsize::new(0),
            new_end: AtomicUsize::new(0),
            write_from: AtomicUsize::new(0),
            ready_from: AtomicUsize::new(0),
            helper,
        }
    }

    /// Table: `old_end..new_end` (bytes) will be written from the top down.
    pub(super) fn request(&self, old_end: usize, new_end: usize) {
        let is_small = new_end - old_end < WHOLE_BYTES;
        let Some(helper) = self.helper.as_ref().filter(|_| !is_small) else {
            self.begin(old_end..new_end);
            if is_small {
                self.reserve.prefault(old_end..new_end);
            }
            self.ready_from.store(0, Ordering::Relaxed);
            return;
        };
        // A swap, since the helper's compare-and-exchange must see it wherever it comes later.
        self.ready_from.swap(new_end, Ordering::AcqRel);
        self.old_end.store(old_end, Ordering::Relaxed);
        self.write_from.store(new_end, Ordering::Relaxed);
        // Pairs with the Acquire load in `serve`: a helper that sees this end sees the three above.
        self.new_end.store(new_end, Ordering::Release);
        // Once a doubling, some 10 µs. A helper that is just about to sleep finds the token of this call.
        helper.unpark();
    }

    /// Before the first page of a new half: where huge pages are wanted, and its controls, all of them. They are a
    /// 64th of the slots at most, and the first entries that move may go anywhere among them.
    fn begin(&self, new: Range<usize>) {
        if new.len() >= HUGE_PAGE_BYTES {
            self.reserve.advise_huge(new.clone());
        }
        let slots = new.start / self.slot_bytes..new.end / self.slot_bytes;
        self.controls.prefault_huge(slots);
    }

    /// Helper: whether pages of the growth under way are still to come.
    fn is_growing(&self) -> bool {
        self.ready_from.load(Ordering::Relaxed) != 0
    }

    /// Table: whether the bytes from `from` up are present.
    #[inline]
    pub(super) fn is_ready(&self, from: usize) -> bool {
        // Pairs with the Release store in `serve`; a stale value only delays the table.
        from >= self.ready_from.load(Ordering::Acquire)
    }

    /// Table: the next write goes below `from`.
    #[inline]
    pub(super) fn wrote(&self, from: usize) {
        self.write_from.store(from, Ordering::Relaxed);
    }

    /// Helper: brings in what is wanted now; whether there was anything to do.
    pub(super) fn serve(&self) -> bool {
        // Pairs with the Release store in `request`.
        let new_end = self.new_end.load(Ordering::Acquire);
        if new_end == 0 {
            return false;
        }
        let old_end = self.old_end.load(Ordering::Relaxed);
        let ready = self.ready_from.load(Ordering::Relaxed);
        if ready == new_end {
            self.begin(old_end..new_end);
        }
        // Saturating: the three are not read at one moment, and the table may have asked anew.
        let ahead = (new_end.saturating_sub(old_end) / 32).max(AHEAD_BYTES_MIN);
        let goal = self
            .write_from
            .load(Ordering::Relaxed)
            .saturating_sub(ahead)
            .max(old_end);
        if ready <= goal {
            return false;
        }
        let from = ready.saturating_sub(HUGE_PAGE_BYTES).max(old_end);
        self.reserve.prefault(from..ready);
        // At the end of the new half everything below is old and present.
        let from = if from == old_end { 0 } else { from };
        // Not where the table has gone on without us and asked anew: its pages are others. Release pairs
        // with the Acquire load in `is_ready`.
        let told =
            self.ready_from
                .compare_exchange(ready, from, Ordering::Release, Ordering::Relaxed);
        from != 0 || told.is_err()
    }
}

/// The helper thread that serves all tables of a run. Dropping it ends the thread.
#[derive(Debug)]
pub struct Prefaulter {
    tables: Arc<Mutex<Vec<Weak<Growth>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Prefaulter {
    /// Starts the helper.
    ///
    /// # Errors
    /// The system's, when it gives no more threads.
    pub fn start() -> std::io::Result<Self> {
        let tables = Arc::new(Mutex::new(Vec::<Weak<Growth>>::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, halt) = (tables.clone(), stop.clone());
        let thread = std::thread::Builder::new()
            .name("prefault".into())
            .spawn(move || {
                let mut in_vain = 0;
                while !halt.load(Ordering::Relaxed) {
                    let tables: Vec<_> = match seen.lock() {
                        Ok(tables) => tables.iter().filter_map(Weak::upgrade).collect(),
                        Err(_) => return,
                    };
                    let mut busy = false;
                    for table in &tables {
                        busy |= table.serve();
                    }
                    in_vain = if busy { 0 } else { in_vain + 1 };
                    if busy {
                        continue;
                    }
                    if !tables.iter().any(|table| table.is_growing()) {
                        std::thread::park();
                        in_vain = 0;
                    } else if in_vain < LOOKS_IN_VAIN {
                        std::thread::park_timeout(LOOK_EVERY);
                    } else {
                        std::thread::park_timeout(LOOK_EVERY * 8);
                    }
                }
            })?;
        Ok(Prefaulter {
            tables,
            stop,
            thread: Some(thread),
        })
    }

    /// The thread that a table wakes when it wants to grow.
    pub(super) fn thread(&self) -> Option<Thread> {
        self.thread.as_ref().map(|handle| handle.thread().clone())
    }

    pub(super) fn serve(&self, growth: &Arc<Growth>) {
        if let Ok(mut tables) = self.tables.lock() {
            tables.retain(|table| table.strong_count() > 0);
            tables.push(Arc::downgrade(growth));
        }
    }
}

impl Drop for Prefaulter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
