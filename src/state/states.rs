//! The keyed state of a partition as an operator sees it whole, wherever it lies: at a watermark, at the end.

use super::Table;
use bytemuck::Pod;

/// Every key of a partition and its state.
pub trait States<V> {
    /// Keys held.
    fn len(&self) -> u64;

    /// Whether no key is held.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shows every key and its state to `keep`, in no particular order, and forgets those for which it
    /// says false. With bounded state this reads the whole cold tier, and nothing else goes on in this
    /// partition meanwhile.
    fn retain(&mut self, keep: &mut dyn FnMut(u64, &V) -> bool);

    /// Shows every key and its state to `visit`.
    fn for_each(&mut self, visit: &mut dyn FnMut(u64, &V)) {
        self.retain(&mut |key, value| {
            visit(key, value);
            true
        });
    }
}

impl<V: Pod> States<V> for Table<V> {
    fn len(&self) -> u64 {
        Table::len(self) as u64
    }

    fn retain(&mut self, keep: &mut dyn FnMut(u64, &V) -> bool) {
        Table::retain(self, keep);
    }

    fn for_each(&mut self, visit: &mut dyn FnMut(u64, &V)) {
        self.iter().for_each(|(key, value)| visit(key, value));
    }
}
