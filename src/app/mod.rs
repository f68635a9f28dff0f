//! Ready-made flows.
pub mod aggregate;
mod texts;
