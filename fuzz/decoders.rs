//! Each decoder, fed with any bytes: it may refuse them, and nothing else may happen.
//!
//! Shared by the fuzz targets and by the test that replays the corpus. Formats with checksums would turn
//! nearly every input away at the first one, so an input whose first byte is odd has its checksums put right
//! before it is decoded: the fuzzer then reaches what stands behind them.

use std::fs;
use std::path::Path;

/// Writes `bytes` to a file of a directory of its own and hands its path to `read`.
fn with_file(bytes: &[u8], read: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().expect("a directory for the input");
    let path = dir.path().join("input");
    fs::write(&path, bytes).expect("room for the input");
    read(&path);
}

/// The native trace.
pub(crate) mod trace {
    use super::*;
    use millstream::source::trace::native::{ClickRecord, KeyedRecord, Mapped};
    use xxhash_rust::xxh3::xxh3_64;

    /// Fields at the start of the header; zeros up to the checksum follow.
    const FIELDS_BYTES: usize = 112;
    const HEADER_BYTES: usize = 4096;
    /// Fields of the header by position.
    const CHECKSUMS_AT: usize = 56;
    const TEXTS_AT: usize = 80;
    const FILE_BYTES: usize = 104;

    /// Reads a trace in every way there is.
    pub(crate) fn decode(input: &[u8]) {
        let Some((mode, input)) = input.split_first() else {
            return;
        };
        let file = if mode & 1 == 1 {
            sealed(input)
        } else {
            input.to_vec()
        };
        with_file(&file, |path| {
            let Ok(mapped) = Mapped::open(path, mode & 2 == 0) else {
                return;
            };
            let _ = mapped.records::<KeyedRecord>().map(<[KeyedRecord]>::len);
            let _ = mapped.records::<ClickRecord>().map(<[ClickRecord]>::len);
            let _ = mapped.texts();
            let _ = mapped.time_span_ns();
        });
    }

    /// The input as fields of a header and what follows it, with length and checksums put right.
    fn sealed(input: &[u8]) -> Vec<u8> {
        let (fields, body) = input.split_at(input.len().min(FIELDS_BYTES));
        let mut file = fields.to_vec();
        file.resize(HEADER_BYTES, 0);
        file.extend(body);
        let len = file.len();
        file[FILE_BYTES..FILE_BYTES + 8].copy_from_slice(&(len as u64).to_le_bytes());
        let number = |file: &[u8], at: usize| {
            let bytes = file[at..at + 8].try_into().expect("eight bytes");
            usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX)
        };
        let (checksums_at, texts_at) = (number(&file, CHECKSUMS_AT), number(&file, TEXTS_AT));
        if (HEADER_BYTES..=len.saturating_sub(8)).contains(&checksums_at) {
            let sum = xxh3_64(&file[HEADER_BYTES..checksums_at]);
            file[checksums_at..checksums_at + 8].copy_from_slice(&sum.to_le_bytes());
        }
        if (HEADER_BYTES..=len.saturating_sub(8)).contains(&texts_at) {
            let sum = xxh3_64(&file[texts_at..len - 8]);
            file[len - 8..].copy_from_slice(&sum.to_le_bytes());
        }
        let sum = xxh3_64(&file[..HEADER_BYTES - 8]);
        file[HEADER_BYTES - 8..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
        file
    }
}

/// The configuration: a file, then what the command line lays over it.
pub(crate) mod configuration {
    use millstream::cli::config::{Config, Settings};

    /// The text up to a NUL is a file, each text behind one is an override.
    pub(crate) fn decode(input: &[u8]) {
        let Ok(text) = std::str::from_utf8(input) else {
            return;
        };
        let mut texts = text.split('\0');
        let mut settings = Settings::default();
        if settings
            .lay_file("input.toml", texts.next().unwrap_or_default())
            .is_err()
        {
            return;
        }
        for text in texts {
            if settings.lay_override(text).is_err() {
                return;
            }
        }
        let Ok(config) = Config::read(settings) else {
            return;
        };
        // What was accepted can be written down, and is accepted again.
        let mut again = Settings::default();
        let laid = again.lay_file("again.toml", &config.to_toml());
        laid.expect("a configuration that was written down is TOML");
        Config::read(again).expect("a configuration that was written down is valid");
    }
}
