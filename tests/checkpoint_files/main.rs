//! Checkpoint files: what is written is read, and what is not as it was written is found.

mod command;
mod corruption;
mod faults;
mod golden;
mod round_trip;
mod support;
