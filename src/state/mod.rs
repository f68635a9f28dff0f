//! State: where the keyed state of a partition lives.
mod growth;
mod table;
#[cfg(test)]
mod table_tests;
pub use growth::Prefaulter;
pub use table::{Table, TableError, TableOptions};
