//! Checkpoint files: what is written is read, and what is not as it was written is found.

mod round_trip;
mod support;
