//! Ready-made flows.
pub mod aggregate;
pub mod recommend;
mod texts;
