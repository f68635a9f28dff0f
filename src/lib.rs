//! Millstream: a lock-free, low-latency, single-node stateful stream engine.
pub mod app;
pub mod cache;
pub mod checkpoint;
pub mod cli;
pub mod event;
pub mod exchange;
pub mod failure;
pub mod flow;
pub mod journal;
pub mod laboratory;
pub mod latency;
pub mod operator;
pub mod partition;
pub mod prelude;
pub mod ring;
pub mod runtime;
pub mod schedule;
pub mod sink;
pub mod source;
pub mod state;
pub mod sys;
pub mod task;

/// Keyed state is plain bytes: `#[derive(Pod, Zeroable)]` for types of your own.
pub use bytemuck;

/// Holds the code of the README to the compiler.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
