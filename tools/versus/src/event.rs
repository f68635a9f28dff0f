//! The event that every peer works on: 24 bytes, as the engine's own native traces hold them.

use bytemuck::{Pod, Zeroable};
use millstream::app::aggregate::Reading;
use millstream::source::load::LoadEvent;
use millstream::source::trace::native::KeyedRecord;
use serde::{Deserialize, Serialize};

/// Who, how much, when. `Serialize` only because exchanges of the peers ask for it: none of them serialises
/// between threads.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable, Serialize, Deserialize)]
pub struct Event {
    pub key: u64,
    pub value: i64,
    pub ts_ns: u64,
}

impl Event {
    /// The same bytes, as the bare table takes them.
    #[inline(always)]
    pub fn record(&self) -> &KeyedRecord {
        bytemuck::cast_ref(self)
    }
}

impl From<LoadEvent> for Event {
    #[inline(always)]
    fn from(event: LoadEvent) -> Self {
        Event {
            key: event.key,
            value: event.value,
            ts_ns: event.ts_ns,
        }
    }
}

impl Reading for Event {
    #[inline(always)]
    fn key(&self) -> u64 {
        self.key
    }
    #[inline(always)]
    fn value(&self) -> i64 {
        self.value
    }
    #[inline(always)]
    fn ts_ns(&self) -> u64 {
        self.ts_ns
    }
}
