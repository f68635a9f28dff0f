//! Sources: where events come from and when each is due.
mod barriers;
mod generate;
pub mod load;
mod memory;
pub mod pace;
mod position;
pub mod reader;
mod replay;
mod task;
pub mod trace;
pub use barriers::Checkpoints;
pub use generate::{Generate, Made};
pub use memory::{Iter, Slice};
pub use replay::{Ahead, Feed, FeedPosition, MappedFeed, Replay, Replayed};
pub use task::{Offer, Poll, Source, SourceTask};
