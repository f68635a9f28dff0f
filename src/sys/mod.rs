//! The machine: clock, memory, and what the operating system gives.
pub mod clock;
pub mod memory;
