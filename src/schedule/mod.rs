//! Scheduling: which task runs on which core.
mod allocate;
pub use allocate::allocate;
