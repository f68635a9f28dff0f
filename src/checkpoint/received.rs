//! For tests: what a writer makes of the pieces it is sent, in memory.

use super::{Piece, ROTATION};
use std::collections::BTreeMap;

/// What the writer makes of the pieces: three files of blocks.
#[derive(Debug, Default)]
pub struct Files {
    /// By file and number.
    pub blocks: [BTreeMap<u64, Vec<u8>>; ROTATION],
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
                if since.is_none() {
                    self.blocks[target].clear();
                }
            }
            Piece::Block { index, bytes } => {
                let (_, target) = self.writing.expect("begun");
                self.blocks[target].insert(index, bytes.to_vec());
            }
            Piece::Extras { .. } => {}
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
