//! Where the writer thread puts rows: a whole file at the end of the run (here), or one that grows by epochs.

use super::encode::{Encoder, FileFormat};
use super::error::SinkError;
use super::whole_file::WholeFile;
use crate::sink::rows::{Column, KeyTexts};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A file under way, as its writer thread sees it.
pub(super) trait Destination: Send + 'static {
    /// Whether it wants to be told of epochs.
    const BY_EPOCHS: bool;

    /// Takes one row, laid out as its columns say.
    fn row(&mut self, words: &[u64]) -> io::Result<()>;

    /// All rows of `epoch` were taken, and none of a later one; so far there were `rows`.
    fn close(&mut self, epoch: u64, rows: u64) -> io::Result<()>;

    /// Whether it can still be written, asked whenever there is nothing to do.
    fn check(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The run has succeeded, with `rows` rows.
    fn end(self, rows: u64) -> io::Result<()>;
}

/// A file that gets its name once it is whole.
pub(super) struct Whole(Encoder<WholeFile>);

impl Whole {
    pub(super) fn create(
        path: &Path,
        format: FileFormat,
        columns: &'static [Column],
        texts: Arc<dyn KeyTexts>,
    ) -> Result<Self, SinkError> {
        let file = WholeFile::create(path)?;
        let encoder = Encoder::new(file, format, columns, texts);
        encoder
            .map(Whole)
            .map_err(|error| SinkError::io(path, "write", error))
    }
}

impl Destination for Whole {
    const BY_EPOCHS: bool = false;

    fn row(&mut self, words: &[u64]) -> io::Result<()> {
        self.0.row(words)
    }

    fn close(&mut self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn end(self, rows: u64) -> io::Result<()> {
        self.0.end(rows).and_then(WholeFile::publish)
    }
}
