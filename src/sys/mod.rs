//! sys
pub mod mapping;
