//! Sources: where events come from and when each is due.
mod generate;
pub mod load;
mod memory;
pub mod pace;
pub mod reader;
mod replay;
mod sequence;
mod task;
pub mod trace;
pub use generate::{Generate, Made};
pub use memory::{Iter, Slice};
pub use replay::{Ahead, Feed, MappedFeed, Replay, Replayed};
pub use sequence::WATERMARK_EVERY;
pub use task::{Offer, Poll, Source, SourceTask};
