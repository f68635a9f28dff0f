//! Sources: where events come from and when each is due.
pub mod load;
mod memory;
pub mod pace;
mod task;
pub mod trace;
pub use memory::{Iter, Slice};
pub use task::{Offer, Poll, Source, SourceTask};
