//! How a table starts, and why it may not.

/// How a table starts.
#[derive(Clone, Copy, Debug)]
pub struct TableOptions {
    /// Room for so many keys from the start, with their pages present; 0 starts small.
    pub expected_keys: usize,
    /// Addresses to reserve, bytes: the size beyond which the table cannot grow.
    pub reserve_bytes: usize,
}

impl Default for TableOptions {
    fn default() -> Self {
        TableOptions {
            expected_keys: 0,
            reserve_bytes: 64 << 30,
        }
    }
}

/// Why a table could not be made.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot reserve {bytes} bytes of addresses for a state table: {source}; lower state.expected_keys or the number of partitions, or lift the limit (ulimit -v, vm.overcommit_memory)"
)]
pub struct TableError {
    pub(super) bytes: usize,
    pub(super) source: std::io::Error,
}
