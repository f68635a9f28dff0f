//! Sinks that stay in memory: a digest, a closure, a collection.

use super::end::Sink;
use crate::event::Event;

/// A result with a digest of its own.
pub trait Digestible {
    /// XXH3-64, seed 0, over the little-endian bytes of the fields.
    fn digest(&self) -> u64;
}

/// Discards results and keeps the wrapping sum of their digests, which no order changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Digest {
    sum: u64,
}

impl<T: Event + Digestible> Sink<T> for Digest {
    #[inline(always)]
    fn take(&mut self, result: &T) {
        self.sum = self.sum.wrapping_add(result.digest());
    }

    fn digest(&self) -> Option<u64> {
        Some(self.sum)
    }

    fn save(&self) -> Vec<u8> {
        self.sum.to_le_bytes().to_vec()
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        self.sum = self.sum.wrapping_add(saved_digest(saved)?);
        Ok(())
    }
}

/// The digest that a sink saved.
pub(super) fn saved_digest(saved: &[u8]) -> Result<u64, String> {
    let sum = saved.try_into();
    sum.map(u64::from_le_bytes)
        .map_err(|_| format!("a digest is 8 bytes, not {}", saved.len()))
}

/// Calls a closure for each result.
#[derive(Clone, Debug)]
pub struct ForEach<F>(
    /// Called with each result of one partition, in order.
    pub F,
);

impl<T: Event, F: FnMut(&T) + Send + 'static> Sink<T> for ForEach<F> {
    #[inline(always)]
    fn take(&mut self, result: &T) {
        (self.0)(result);
    }
}

/// Keeps every result; for tests and small runs.
#[derive(Clone, Debug)]
pub struct Collect<T> {
    /// The results of one partition, in order.
    pub results: Vec<T>,
}

impl<T> Default for Collect<T> {
    fn default() -> Self {
        Collect {
            results: Vec::new(),
        }
    }
}

impl<T: Event> Sink<T> for Collect<T> {
    fn take(&mut self, result: &T) {
        self.results.push(*result);
    }
}
