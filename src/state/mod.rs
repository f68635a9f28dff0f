//! State: where the keyed state of a partition lives.
mod growth;
pub mod hot;
mod table;
#[cfg(test)]
mod table_tests;
pub use growth::Prefaulter;
pub use table::{Place, SETTLE_EVERY, Table, TableError, TableOptions};
