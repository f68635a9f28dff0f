//! What a program with a flow of its own needs, in one `use millstream::prelude::*`.
pub use crate::event::Event;
pub use crate::exchange::{Balancer, Weights};
pub use crate::flow::{Flow, FlowError, Options, Outcome, SplitHot};
pub use crate::operator::{Emit, Mergeable, Operator, Retain, update};
pub use crate::runtime::Idle;
pub use crate::sink::{Collect, Digest, Digestible, ForEach, Sink};
pub use crate::source::{Iter, Slice, Source};
pub use crate::state::{Array, Captured, States, Table};
