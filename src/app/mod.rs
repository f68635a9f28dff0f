//! Ready-made flows.
pub mod aggregate;
