//! One record of a trace, as every reader hands it on.

/// The columns that the engine knows, of one record. A trace that lacks a column leaves its default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    /// Who or what the record is about (a user, a device, a block). A text key is the XXH3-64 (seed 0)
    /// of its bytes; `Texts` turns it back into text.
    pub key: u64,
    /// What was acted on (an item); like `key`, a number or the XXH3-64 of a text. 0 where absent.
    pub item: u64,
    /// The measured value; 1 where the trace has none.
    pub value: i64,
    /// Event time in ns since the trace's own zero (for wall clocks the Unix epoch).
    pub ts_ns: u64,
    /// How much the record counts; 1.0 where the trace has none.
    pub weight: f32,
}

impl Default for Record {
    fn default() -> Self {
        Record { key: 0, item: 0, value: 1, ts_ns: 0, weight: 1.0 }
    }
}
