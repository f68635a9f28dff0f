//! Rings: bounded SPSC queues (`rtrb`) between two tasks, used through whole chunks.
//!
//! ```text
//!   task A ── Outlet ──►│··│▓▓│▓▓│▓▓│··│··│──► Inlet ── task B
//!                         read ▲      ▲ write
//! ```
mod inlet;
mod outlet;
pub use inlet::Inlet;
pub use outlet::Outlet;

use crate::event::Event;

/// A ring of `slots` messages (at least one) and its two ends.
pub fn ring<E: Event>(slots: usize) -> (Outlet<E>, Inlet<E>) {
    let (producer, consumer) = rtrb::RingBuffer::new(slots.max(1));
    (Outlet::new(producer), Inlet::new(consumer))
}
