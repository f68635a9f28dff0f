//! Binary traces of fixed-size records: libCacheSim's oracleGeneral, and bare keys of 32 or 64 bits.
//!
//! ```text
//!   oracleGeneral, packed, little-endian
//!   byte 0        4             12       16            24
//!        │ time s │ object id   │ size   │ next access │
//!        │ u32    │ u64         │ u32    │ i64, −1: none│
//! ```
use std::io::Read;

use super::error::{ErrorKind, Place, TraceError};
use super::intake::{Intake, Reader};
use super::options::Format;
use super::record::Record;

const ORACLE_BYTES: usize = 24;

/// The bytes of one record; `None` for formats whose records are not of fixed size.
pub(super) fn record_bytes(format: Format) -> Option<usize> {
    match format {
        Format::OracleGeneral => Some(ORACLE_BYTES),
        Format::U32Le | Format::U32Be => Some(4),
        Format::U64Le | Format::U64Be => Some(8),
        _ => None,
    }
}

/// Whether all records of `head` read as oracleGeneral: times that never go back, and next accesses that are
/// positions. Bare keys pass for that only by a freak of chance.
pub(super) fn looks_like_oracle_general(head: &[u8]) -> bool {
    let records: Vec<&[u8]> = head.chunks_exact(ORACLE_BYTES).collect();
    let next = |bytes: &[u8]| i64::from_le_bytes(array(&bytes[16..]));
    let time = |bytes: &[u8]| u32::from_le_bytes(array(bytes));
    records.len() >= 2
        && records
            .iter()
            .all(|record| (-1..1 << 40).contains(&next(record)))
        && records
            .windows(2)
            .all(|pair| time(pair[0]) <= time(pair[1]))
        && records
            .iter()
            .any(|record| u64::from_le_bytes(array(&record[4..])) != 0)
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    array
}

fn decode(format: Format, bytes: &[u8]) -> Record {
    let key = match format {
        Format::U32Le => u64::from(u32::from_le_bytes(array(bytes))),
        Format::U32Be => u64::from(u32::from_be_bytes(array(bytes))),
        Format::U64Be => u64::from_be_bytes(array(bytes)),
        Format::OracleGeneral => {
            return Record {
                key: u64::from_le_bytes(array(&bytes[4..])),
                value: i64::from(u32::from_le_bytes(array(&bytes[12..]))),
                ts_ns: u64::from(u32::from_le_bytes(array(bytes))) * 1_000_000_000,
                ..Record::default()
            };
        }
        _ => u64::from_le_bytes(array(bytes)),
    };
    Record {
        key,
        ..Record::default()
    }
}

pub(super) struct FixedRecords {
    bytes: Box<dyn Read + Send>,
    format: Format,
    record_bytes: usize,
    buffer: Vec<u8>,
    /// Of the next record.
    offset: u64,
}

impl FixedRecords {
    /// `format` must be one that `record_bytes` knows.
    pub(super) fn new(bytes: Box<dyn Read + Send>, format: Format, record_bytes: usize) -> Self {
        FixedRecords {
            bytes,
            format,
            record_bytes,
            buffer: Vec::new(),
            offset: 0,
        }
    }
}

impl Reader for FixedRecords {
    fn fill(
        &mut self,
        limit: usize,
        intake: &mut Intake,
        out: &mut Vec<Record>,
    ) -> Result<bool, TraceError> {
        let wanted = limit * self.record_bytes;
        self.buffer.clear();
        (&mut self.bytes)
            .take(wanted as u64)
            .read_to_end(&mut self.buffer)
            .map_err(|error| intake.broken(error, self.offset))?;
        let records = self.buffer.chunks_exact(self.record_bytes);
        let rest = records.remainder().len();
        for bytes in records {
            let record = decode(self.format, bytes);
            intake.accept(record, Place::Offset(self.offset), out)?;
            self.offset += self.record_bytes as u64;
        }
        if rest > 0 {
            return Err(partial(
                &intake.file,
                self.format,
                self.record_bytes,
                self.offset,
                rest,
            ));
        }
        Ok(self.buffer.len() == wanted)
    }
}

/// A file that ends within a record.
pub(super) fn partial(
    file: &std::path::Path,
    format: Format,
    record_bytes: usize,
    offset: u64,
    rest: usize,
) -> TraceError {
    TraceError::new(ErrorKind::Truncated, file, "the last record is cut off")
        .at(Place::Offset(offset))
        .value(format!("{rest} bytes"))
        .expected(format!("{record_bytes}, as every record of {format} has"))
        .remedy("fetch the file again, or declare another format")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequential_keys_do_not_pass_for_oracle_general() {
        let keys_u32: Vec<u8> = (0u32..2000).flat_map(u32::to_le_bytes).collect();
        let keys_u64: Vec<u8> = (0u64..2000).flat_map(u64::to_be_bytes).collect();
        assert!(!looks_like_oracle_general(&keys_u32));
        assert!(!looks_like_oracle_general(&keys_u64));
    }

    #[test]
    fn oracle_general_fields() {
        let mut bytes = Vec::new();
        bytes.extend(5u32.to_le_bytes());
        bytes.extend(0x0123_4567_89ab_cdefu64.to_le_bytes());
        bytes.extend(512u32.to_le_bytes());
        bytes.extend((-1i64).to_le_bytes());
        let record = decode(Format::OracleGeneral, &bytes);
        assert_eq!(
            (record.key, record.value, record.ts_ns),
            (0x0123_4567_89ab_cdef, 512, 5_000_000_000)
        );
    }
}
