//! Flow: what a user builds — sources, stages, sinks — and its translation into tasks and rings.
//!
//! ```text
//!   Flow::new(options)
//!       .source("clicks", source)              one task
//!       .filter(|click| …).map(|click| …)      fused into it
//!       .partition_by(|click| click.user)      an exchange: hash(key) → partition
//!       .keyed("history", |partition| …)       a task for each partition, with its state
//!       .partition_by(|pair| pair.item)        the next exchange
//!       .keyed("neighbours", |partition| …)
//!       .sink(|partition| Digest::default())   fused into the last stage
//!       .run()?                                → Outcome { report, sinks }
//! ```
//!
//! Nothing here knows a core, a thread or a ring beyond handing them to the plan: an operator sees keyed
//! events, its state, watermarks, and the same flow could be planned for another runtime.

mod account;
mod account_balance;
mod account_cache;
mod account_checkpoint;
mod account_chronicle;
mod account_keys;
mod arrays;
mod checkpoint;
mod checkpoint_options;
mod cold;
mod estimate;
mod failure;
mod job;
mod lanes;
mod letters;
mod near_memory;
mod options;
mod partition;
mod plan;
mod restored;
mod route;
mod split;
mod stages;
mod stepped_writer;
mod stream;
pub use checkpoint_options::{CheckpointOptions, Restore, ResultsLink};
pub use failure::{FailureOptions, raw_record};
pub use job::{Job, Outcome, SimulatedOutcome};
pub use options::{Options, Order, Resolved, StatePolicy, partitions_for};
pub use plan::{FlowError, PARTITIONS_MAX};
pub use route::{ByKey, SplitByKey};
pub use split::{HOT_OF_A_CORE, SplitHot};
pub use stages::Build;
pub use stream::{Flow, KeyedStream, Stream};
