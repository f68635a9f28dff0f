//! Deterministic order, at the source: due times that say the place of an event, and markers whose place
//! depends on the events alone.
//!
//! ```text
//!   events   ─ 17 ─ 17 ─ 17 ─ 30 ─►   as the schedule says
//!            ─ 17 ─ 18 ─ 19 ─ 30 ─►   as they are sent: strictly increasing, at most the bump later
//!
//!   each WATERMARK_EVERY events       progress(last) ─ watermark ─ next     the watermark has a due time of
//!                                     due: 40          41          ≥ 42     its own, for what it puts out
//!   each step that offered            progress(last)
//! ```
//!
//! The absolute times differ from run to run; their order, which is all that counts, does not.

use crate::event::{Event, Marker};
use crate::task::{Context, Downstream};

/// Events between two watermarks. By count and not by the clock, or what a watermark brings about would have
/// another place in each run. Each is a message to every task and ends a run of events that are merged.
pub const WATERMARK_EVERY: u64 = 512;

/// What one source has given out.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    last_ns: u64,
    told_ns: u64,
}

impl Sequence {
    /// The due time of the next event, which is due at `due_ns` or has passed it.
    #[inline(always)]
    pub(super) fn next(&mut self, due_ns: u64) -> u64 {
        self.last_ns = due_ns.max(self.last_ns + 1);
        self.last_ns
    }

    /// Says that all events up to the last have been sent; whether that is news.
    pub(super) fn tell<E: Event>(
        &mut self,
        down: &mut impl Downstream<E>,
        cx: &mut Context,
    ) -> bool {
        let news = self.last_ns > self.told_ns;
        if news {
            self.told_ns = self.last_ns;
            down.marker(Marker::Progress(self.last_ns), cx);
        }
        news
    }

    /// Sends a marker that makes tasks put something out, with a due time of its own.
    #[cold]
    pub(super) fn mark<E: Event>(
        &mut self,
        marker: Marker,
        down: &mut impl Downstream<E>,
        cx: &mut Context,
    ) {
        self.tell(down, cx);
        down.marker(marker, cx);
        self.last_ns += 1;
    }
}
