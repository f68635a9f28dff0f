//! The bytes of a native trace as types; the picture is in the folder's header, the assertions are here.
use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use crate::source::trace::record::Record;

pub(in crate::source::trace) const MAGIC: [u8; 8] = *b"MILLTRC\0";
pub(super) const VERSION: u32 = 1;
/// A page, so that records are aligned in the mapping whatever their layout.
pub(super) const HEADER_BYTES: usize = 4096;
pub(super) const HEADER_CHECKSUM_AT: usize = HEADER_BYTES - 8;
/// Small enough to check while reading on, large enough for checksums to weigh nothing (8 bytes per MiB).
pub(super) const BLOCK_BYTES: usize = 1 << 20;

pub(super) const FLAG_TIME: u64 = 1;
pub(super) const FLAG_KEY_TEXT: u64 = 2;
pub(super) const FLAG_ITEM_TEXT: u64 = 4;
pub(super) const FLAG_ORDERED: u64 = 8;
pub(super) const FLAG_VALUE: u64 = 16;
pub(super) const FLAG_WEIGHT: u64 = 32;

/// What the records of a native trace are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `KeyedRecord`: key, value, stamp.
    Keyed,
    /// `ClickRecord`: user, item, stamp, weight.
    Clicks,
}

impl Layout {
    pub(super) fn code(self) -> u32 {
        match self {
            Layout::Keyed => 1,
            Layout::Clicks => 2,
        }
    }

    pub(super) fn of_code(code: u32) -> Option<Self> {
        [Layout::Keyed, Layout::Clicks]
            .into_iter()
            .find(|layout| layout.code() == code)
    }

    /// Bytes of one record.
    pub fn record_bytes(self) -> usize {
        match self {
            Layout::Keyed => size_of::<KeyedRecord>(),
            Layout::Clicks => size_of::<ClickRecord>(),
        }
    }

    /// "keyed" or "clicks".
    pub fn name(self) -> &'static str {
        match self {
            Layout::Keyed => "keyed",
            Layout::Clicks => "clicks",
        }
    }
}

/// A record that lies in a native trace as it does in memory.
pub trait NativeRecord: Pod + From<Record> + Into<Record> + Send + Sync {
    /// The layout it is.
    const LAYOUT: Layout;
    /// Its stamp, in ns.
    fn ts_ns(&self) -> u64;
}

/// Who, how much, when.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct KeyedRecord {
    /// A number, or the XXH3-64 of a text.
    pub key: u64,
    /// The measured value; 1 where the trace has none.
    pub value: i64,
    /// Event time in ns; 0 where the trace has none.
    pub ts_ns: u64,
}

/// Who, what, when, how strongly.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct ClickRecord {
    /// A number, or the XXH3-64 of a text.
    pub key: u64,
    /// Like `key`.
    pub item: u64,
    /// Event time in ns; 0 where the trace has none.
    pub ts_ns: u64,
    /// 1.0 where the trace has none.
    pub weight: f32,
    /// Always 0.
    pub zero: u32,
}

impl NativeRecord for KeyedRecord {
    const LAYOUT: Layout = Layout::Keyed;
    fn ts_ns(&self) -> u64 {
        self.ts_ns
    }
}

impl NativeRecord for ClickRecord {
    const LAYOUT: Layout = Layout::Clicks;
    fn ts_ns(&self) -> u64 {
        self.ts_ns
    }
}

impl From<Record> for KeyedRecord {
    /// Item and weight are left behind.
    fn from(record: Record) -> Self {
        KeyedRecord {
            key: record.key,
            value: record.value,
            ts_ns: record.ts_ns,
        }
    }
}

impl From<KeyedRecord> for Record {
    fn from(record: KeyedRecord) -> Self {
        Record {
            key: record.key,
            value: record.value,
            ts_ns: record.ts_ns,
            ..Record::default()
        }
    }
}

impl From<Record> for ClickRecord {
    /// The value is left behind.
    fn from(record: Record) -> Self {
        ClickRecord {
            key: record.key,
            item: record.item,
            ts_ns: record.ts_ns,
            weight: record.weight,
            zero: 0,
        }
    }
}

impl From<ClickRecord> for Record {
    fn from(record: ClickRecord) -> Self {
        Record {
            key: record.key,
            item: record.item,
            ts_ns: record.ts_ns,
            weight: record.weight,
            ..Record::default()
        }
    }
}

/// The fields at the start of the header; zeros and the checksum follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct Header {
    pub(super) magic: [u8; 8],
    pub(super) version: u32,
    pub(super) header_bytes: u32,
    pub(super) layout: u32,
    pub(super) record_bytes: u32,
    pub(super) records: u64,
    pub(super) ts_min_ns: u64,
    pub(super) ts_max_ns: u64,
    pub(super) flags: u64,
    pub(super) checksums_at: u64,
    pub(super) checksums: u64,
    pub(super) block_bytes: u64,
    pub(super) texts_at: u64,
    pub(super) texts_bytes: u64,
    pub(super) texts: u64,
    pub(super) file_bytes: u64,
}

const _: () = {
    use core::mem::offset_of;
    assert!(
        cfg!(target_endian = "little"),
        "records are mapped as they lie in the file"
    );
    assert!(size_of::<KeyedRecord>() == 24 && size_of::<ClickRecord>() == 32);
    assert!(offset_of!(KeyedRecord, value) == 8 && offset_of!(KeyedRecord, ts_ns) == 16);
    assert!(offset_of!(ClickRecord, item) == 8 && offset_of!(ClickRecord, ts_ns) == 16);
    assert!(offset_of!(ClickRecord, weight) == 24 && offset_of!(ClickRecord, zero) == 28);
    assert!(align_of::<KeyedRecord>() <= HEADER_BYTES && align_of::<ClickRecord>() <= HEADER_BYTES);
    assert!(offset_of!(Header, version) == 8 && offset_of!(Header, header_bytes) == 12);
    assert!(offset_of!(Header, layout) == 16 && offset_of!(Header, record_bytes) == 20);
    assert!(offset_of!(Header, records) == 24 && offset_of!(Header, ts_min_ns) == 32);
    assert!(offset_of!(Header, ts_max_ns) == 40 && offset_of!(Header, flags) == 48);
    assert!(offset_of!(Header, checksums_at) == 56 && offset_of!(Header, checksums) == 64);
    assert!(offset_of!(Header, block_bytes) == 72 && offset_of!(Header, texts_at) == 80);
    assert!(offset_of!(Header, texts_bytes) == 88 && offset_of!(Header, texts) == 96);
    assert!(offset_of!(Header, file_bytes) == 104 && size_of::<Header>() == 112);
};
