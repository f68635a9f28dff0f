//! Reads a native file of results back, whole, after checking every byte of it. For tests and small tools: it
//! holds the file in memory. The bytes are drawn in `native.rs`.

use super::error::SinkError;
use super::native::{ColumnEntry, Header, MAGIC, VERSION, start_checksum};
use crate::sink::rows::Kind;
use bytemuck::pod_read_unaligned;
use std::collections::HashMap;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// The content of a native file of results.
#[derive(Clone, Debug)]
pub struct NativeResults {
    /// Names and kinds, in order.
    pub columns: Vec<(String, Kind)>,
    /// Texts of keys and items, as bytes.
    pub texts: HashMap<u64, Vec<u8>>,
    row_words: usize,
    words: Vec<u64>,
}

impl NativeResults {
    /// The words of each row, as its columns lay them out.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u64]> {
        self.words.chunks_exact(self.row_words)
    }
}

/// Reads and checks a native file of results.
///
/// # Errors
/// It cannot be read, is not such a file or of another version, or its bytes are not what was written.
pub fn read_native(path: &Path) -> Result<NativeResults, SinkError> {
    let bytes = std::fs::read(path).map_err(|error| SinkError::io(path, "read", error))?;
    Bytes {
        path,
        bytes: &bytes,
    }
    .parse()
}

struct Bytes<'a> {
    path: &'a Path,
    bytes: &'a [u8],
}

impl Bytes<'_> {
    fn parse(&self) -> Result<NativeResults, SinkError> {
        let header: Header = pod_read_unaligned(self.part(0, size_of::<Header>())?);
        self.agree(0, "not a file of results", header.magic, MAGIC)?;
        self.agree(8, "a version that is not known", header.version, VERSION)?;
        let columns_at = size_of::<Header>();
        let columns_bytes = size_of::<ColumnEntry>() * header.columns as usize;
        let rows_at = columns_at + columns_bytes;
        let start = self.part(0, rows_at)?;
        self.agree(
            56,
            "the header's checksum",
            start_checksum(start),
            header.checksum,
        )?;
        let length = self.bytes.len() as u64;
        self.agree(
            length,
            "another length than its header says",
            length,
            header.file_bytes,
        )?;
        // From here on the header is what was written, so its numbers fit each other.
        let end = self.bytes.len().saturating_sub(8);
        let stored: u64 = pod_read_unaligned(self.part(end, 8)?);
        let rest = self.part(rows_at, end.saturating_sub(rows_at))?;
        self.agree(
            rows_at as u64,
            "the checksum of rows and texts",
            xxh3_64(rest),
            stored,
        )?;
        let columns = self.part(columns_at, columns_bytes)?;
        let columns = columns.chunks_exact(size_of::<ColumnEntry>()).enumerate();
        let columns = columns.map(|(place, bytes)| {
            let entry: ColumnEntry = pod_read_unaligned(bytes);
            let at = (columns_at + place * size_of::<ColumnEntry>() + 24) as u64;
            let wrong = || self.damaged(at, "a kind that is not known", entry.kind, "1 to 7");
            let name = entry.name.split(|byte| *byte == 0).next();
            let name = String::from_utf8_lossy(name.unwrap_or_default());
            Ok((name.into_owned(), entry.kind().ok_or_else(wrong)?))
        });
        let columns = columns.collect::<Result<Vec<_>, SinkError>>()?;
        let row_words = columns.iter().map(|(_, kind)| kind.words()).sum::<usize>();
        self.agree(
            16,
            "the bytes of a row",
            header.row_bytes as usize,
            8 * row_words,
        )?;
        let rows = self.part(rows_at, 8 * row_words * header.rows as usize)?;
        Ok(NativeResults {
            columns,
            texts: self.texts(header.texts_at as usize, header.texts)?,
            row_words: row_words.max(1),
            words: rows.chunks_exact(8).map(pod_read_unaligned).collect(),
        })
    }

    fn texts(&self, mut at: usize, count: u64) -> Result<HashMap<u64, Vec<u8>>, SinkError> {
        let mut texts = HashMap::new();
        for _ in 0..count {
            let key = pod_read_unaligned(self.part(at, 8)?);
            let length: u32 = pod_read_unaligned(self.part(at + 8, 4)?);
            let text = self.part(at + 12, length as usize)?;
            texts.insert(key, text.to_vec());
            at += 12 + text.len();
        }
        Ok(texts)
    }

    fn part(&self, at: usize, length: usize) -> Result<&[u8], SinkError> {
        let end = at.saturating_add(length);
        self.bytes.get(at..end).ok_or_else(|| {
            let found = format!("{} bytes", self.bytes.len());
            self.damaged(
                at as u64,
                "it ends too early",
                found,
                format!("{end} bytes or more"),
            )
        })
    }

    fn agree<V: PartialEq + std::fmt::Debug>(
        &self,
        offset: u64,
        what: &'static str,
        found: V,
        expected: V,
    ) -> Result<(), SinkError> {
        if found == expected {
            return Ok(());
        }
        Err(self.damaged(offset, what, format!("{found:?}"), format!("{expected:?}")))
    }

    fn damaged(
        &self,
        offset: u64,
        what: &'static str,
        found: impl ToString,
        expected: impl ToString,
    ) -> SinkError {
        SinkError::Damaged {
            file: self.path.to_path_buf(),
            offset,
            what,
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }
}
