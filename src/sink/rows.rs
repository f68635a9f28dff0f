//! Results that can be written: columns with names and kinds, and every field as words of 8 bytes.
//!
//! A row is described once for all formats: [`Row::COLUMNS`] says what each field means, [`Row::words`]
//! lays the fields out, and the formats in `file/` read both. So a text, comma or bracket is nowhere in
//! an application, and a number is never turned into text on a core.

use super::sinks::Digestible;
use crate::event::Event;

/// Bytes of the longest column name: the room that a native file has for it.
pub const COLUMN_NAME_BYTES: usize = 24;

/// What a field is, and so how its words are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number, or the XXH3-64 of a text; written as the text where it is known.
    Key,
    /// Like [`Kind::Key`].
    Item,
    /// Unsigned.
    U64,
    /// Two's complement.
    I64,
    /// The bits of an `f32` in the low four bytes.
    F32,
    /// Nanoseconds of event time.
    TimeNs,
    /// Up to so many items: their number, then that many words, those beyond the number 0.
    Items(u32),
}

impl Kind {
    /// Words of 8 bytes that a field of this kind takes.
    pub const fn words(self) -> usize {
        match self {
            Kind::Items(max) => 1 + max as usize,
            _ => 1,
        }
    }
}

/// A column of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// At most [`COLUMN_NAME_BYTES`] bytes; the unit last.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
}

/// A result that can be written to a file.
pub trait Row: Event + Digestible {
    /// Its columns, in order.
    const COLUMNS: &'static [Column];

    /// Lays its fields out in `words`, which has [`row_words`] of the columns; all of them are written.
    fn words(&self, words: &mut [u64]);
}

/// Words of a whole row.
pub const fn row_words(columns: &[Column]) -> usize {
    let (mut words, mut at) = (0, 0);
    while at < columns.len() {
        words += columns[at].kind.words();
        at += 1;
    }
    words
}

/// Whether columns can be written to every format; evaluated when the program is compiled.
pub(super) const fn well_formed(columns: &[Column]) -> bool {
    let mut at = 0;
    while at < columns.len() {
        let bytes = columns[at].name.len();
        if bytes == 0 || bytes > COLUMN_NAME_BYTES {
            return false;
        }
        at += 1;
    }
    !columns.is_empty()
}

/// The texts that keys are hashes of. Shared with whoever adds to them.
pub trait KeyTexts: Send + Sync + 'static {
    /// Appends the bytes of `key`'s text to `into`; false if it has none.
    fn append(&self, key: u64, into: &mut Vec<u8>) -> bool;

    /// Shows every text there is, in the order of keys.
    fn each(&self, show: &mut dyn FnMut(u64, &[u8]));
}

/// No texts: keys are numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTexts;

impl KeyTexts for NoTexts {
    fn append(&self, _: u64, _: &mut Vec<u8>) -> bool {
        false
    }

    fn each(&self, _: &mut dyn FnMut(u64, &[u8])) {}
}
