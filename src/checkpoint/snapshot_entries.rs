//! The entries of a snapshot, whether they lie in its blocks or in a log that its blocks are maps of.

use super::Snapshot;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::log::{Log, Record, going};
use crate::checkpoint::shape::Kind;
use crate::sys::disk::Disk;

impl<D: Disk> Snapshot<D> {
    /// Hands every entry of part `part` to `each`, those in its log too; nothing for a part without entries.
    ///
    /// # Errors
    /// As [`Snapshot::extras`]; then some may have been handed out.
    pub fn entries(
        &self,
        part: usize,
        mut each: impl FnMut(Record<'_>),
    ) -> Result<(), CheckpointError> {
        let shape = &self.shape.parts[part];
        match (shape.kind, shape.entry_bytes as usize) {
            (Kind::Log, _) => self.logged(part, 0..self.parts[part].places.blocks, &mut each),
            (Kind::Stage, entry_bytes @ 1..) => self.blocks(part, |_, block| {
                for entry in block.chunks_exact(entry_bytes) {
                    let word = |at: usize| bytemuck::pod_read_unaligned(&entry[at..at + 8]);
                    let stamp = word(8);
                    if stamp != 0 {
                        each(Record {
                            key: word(0),
                            stamp,
                            value: &entry[16..16 + shape.value_bytes as usize],
                        });
                    }
                }
            }),
            _ => Ok(()),
        }
    }

    /// Verifies the places `range` of part `part`, and what of its log they speak of.
    pub(super) fn check(
        &self,
        part: usize,
        range: std::ops::Range<u64>,
    ) -> Result<(), CheckpointError> {
        let blocks = self.parts[part].places.blocks;
        if self.shape.parts[part].kind != Kind::Log {
            return self.read(part, range, &mut |_, _| {});
        }
        self.logged(part, range.start..range.end.min(blocks), &mut |_| {})?;
        self.read(part, range.start.max(blocks)..range.end, &mut |_, _| {})
    }

    /// Hands the records that the maps `range` of part `part` speak of to `each`.
    fn logged(
        &self,
        part: usize,
        range: std::ops::Range<u64>,
        each: &mut dyn FnMut(Record<'_>),
    ) -> Result<(), CheckpointError> {
        if range.is_empty() {
            return Ok(());
        }
        let path = &self.parts[part].log;
        let file = self.files.open(path);
        let file = file.map_err(CheckpointError::io(path, "open it"))?;
        let log = Log {
            read: &|bytes, offset| file.read_at(bytes, offset),
            path,
            part: &self.shape.parts[part],
            going: going(&self.extras(part)?),
        };
        let (mut buffer, mut done) = (Vec::new(), Ok(()));
        self.read(part, range, &mut |segment, map| {
            if done.is_ok() {
                done = log.segment(segment, map, &mut buffer, each);
            }
        })?;
        done
    }
}
