//! Millstream's own trace format, `.mill`: records as they lie in memory, mapped and never parsed.
//!
//! ```text
//!   byte 0        4096            C                     T                            end
//!        ├─────────┼──────────────┼─────────────────────┼─────────────────────────────┤
//!        │ header  │ records      │ checksums           │ texts                       │
//!        │ 4 KiB   │ n × 24 or 32 │ u64 per 1 MiB block │ entries, then their XXH3-64 │
//!        └─────────┴──────────────┴─────────────────────┴─────────────────────────────┘
//!   C = 4096 + n × record bytes        T = C + 8 × ⌈n × record bytes / 1 MiB⌉
//!
//!   header, little-endian throughout
//!   byte  0  magic "MILLTRC\0"      40  latest stamp, ns           88  bytes of the texts section, checksum included
//!         8  version u32 = 1        48  flags: 1 stamps, 2 key is  96  number of texts
//!        12  header bytes u32          text, 4 item is text,      104  bytes of the file
//!        16  layout u32: 1 keyed,      8 in order of stamps,      112  zeros
//!            2 clicks                  16 values, 32 weights     4088  XXH3-64 of bytes 0..4088
//!        20  record bytes u32       56  C
//!        24  number of records      64  number of checksums
//!        32  earliest stamp, ns     72  bytes of a block = 1 MiB
//!                                   80  T
//!
//!   keyed record                                clicks record
//!   byte 0     8       16        24             byte 0     8      16        24        28     32
//!        │ key │ value │ stamp   │                   │ key │ item │ stamp   │ weight  │ zero │
//!        │ u64 │ i64   │ u64, ns │                   │ u64 │ u64  │ u64, ns │ f32     │ u32  │
//!
//!   text entry:  key u64 │ length u32 │ bytes          key = XXH3-64 (seed 0) of the bytes; in the order of keys
//! ```
//!
//! Invariant: every byte of the file is covered by a checksum, or is one. All checksums are XXH3-64, seed 0.
//! A file is written whole or not at all (`Writer`), and never changed afterwards (`Mapped` relies on it).
mod layout;
mod mapped;
mod reader;
mod writer;

pub use layout::{ClickRecord, KeyedRecord, Layout, NativeRecord};
pub use mapped::Mapped;
pub use writer::{Contents, Writer};

pub(super) use layout::MAGIC;
pub(super) use reader::NativeReader;
