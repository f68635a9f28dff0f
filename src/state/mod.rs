//! State: where the keyed state of a partition lives.
pub mod cold;
mod growth;
mod table;
#[cfg(test)]
mod table_tests;
pub use growth::Prefaulter;
pub use table::{Place, SETTLE_EVERY, Table, TableError, TableOptions};
