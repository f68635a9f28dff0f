//! Where the instructions and the time of an event go: W1, the keyed aggregate, taken apart by source file.
//!
//! ```text
//!   w1.rs   the flow that is looked at, in a process of its own (measured.rs)
//!     │ under valgrind                  │ under perf
//!   callgrind.rs  instructions          samples.rs  samples
//!     └──────────── by address ─────────┘
//!   frames.rs   address ─► the line of the engine that it was inlined into
//!   part.rs     line ─► part of the path of an event
//!   report.rs   the table         budget.rs   what it may come to
//! ```
pub mod budget;
pub mod callgrind;
pub mod error;
pub mod frames;
pub mod measured;
pub mod part;
pub mod report;
pub mod samples;
pub mod w1;
