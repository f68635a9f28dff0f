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

use crate::event::{Event, Marker, Message};
use rtrb::{Consumer, Producer};

/// A ring of `slots` messages (at least one) and its two ends.
pub fn ring<E: Event>(slots: usize) -> (Outlet<E>, Inlet<E>) {
    let (mut producer, mut consumer) = rtrb::RingBuffer::new(slots.max(1));
    touch(&mut producer, &mut consumer);
    (Outlet::new(producer), Inlet::new(consumer))
}

/// Fills the ring once and empties it, so that the kernel brings in its pages now and not with the first events, of
/// which each would wait for those before it: 2 µs a page.
fn touch<E: Event>(producer: &mut Producer<Message<E>>, consumer: &mut Consumer<Message<E>>) {
    let slots = producer.slots();
    if let Ok(chunk) = producer.write_chunk_uninit(slots) {
        chunk.fill_from_iter(std::iter::repeat(Message::Marker(Marker::End)));
    }
    if let Ok(chunk) = consumer.read_chunk(slots) {
        chunk.commit_all();
    }
}
