//! For tests: what a writer makes of the pieces it is sent, in memory.

use super::log::{Log, Record, going};
use super::{CheckpointError, PartShape, Piece, ROTATION};
use crate::sys::disk::DiskFile;
use std::collections::BTreeMap;
use std::path::Path;

/// What the writer makes of the pieces: three files of blocks.
#[derive(Debug, Default)]
pub struct Files {
    /// By file and number.
    pub blocks: [BTreeMap<u64, Vec<u8>>; ROTATION],
    /// What else the part remembered, by file.
    pub extras: [Vec<u8>; ROTATION],
    /// The epoch each file holds whole; 0: none.
    pub held: [u64; ROTATION],
    writing: Option<(u64, usize)>,
    /// Epochs that ended whole, by file.
    pub whole: Vec<(u64, usize)>,
    /// Epochs that were given up.
    pub aborted: u64,
}

impl Files {
    /// Takes the next piece.
    pub fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Begin {
                epoch,
                target,
                since,
            } => {
                let target = usize::from(target);
                self.writing = Some((epoch, target));
                self.held[target] = 0;
                self.extras[target].clear();
                if since.is_none() {
                    self.blocks[target].clear();
                }
            }
            Piece::Block { index, bytes } => {
                let (_, target) = self.writing.expect("begun");
                self.blocks[target].insert(index, bytes.to_vec());
            }
            Piece::Extras { bytes } => {
                let (_, target) = self.writing.expect("begun");
                self.extras[target].extend_from_slice(bytes);
            }
            Piece::End { .. } => {
                let (epoch, target) = self.writing.take().expect("begun");
                self.held[target] = epoch;
                self.whole.push((epoch, target));
            }
            Piece::Abort => {
                self.writing = None;
                self.aborted += 1;
            }
        }
    }
}

impl Files {
    /// Hands every record that the maps in file `target` speak of, in the log `file` of `part`, to `each`.
    pub fn logged(
        &self,
        target: usize,
        part: &PartShape,
        file: impl DiskFile,
        mut each: impl FnMut(Record<'_>),
    ) -> Result<(), CheckpointError> {
        let log = Log {
            read: &|bytes, offset| file.read_at(bytes, offset),
            path: Path::new("log"),
            part,
            going: going(&self.extras[target]),
        };
        let mut buffer = Vec::new();
        let mut maps = self.blocks[target].iter();
        maps.try_for_each(|(segment, map)| log.segment(*segment, map, &mut buffer, &mut each))
    }
}
