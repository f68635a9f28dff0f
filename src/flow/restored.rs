//! What a flow goes on from: the parts of an epoch, shared out among the partitions there are now.
//!
//! ```text
//!   as many partitions, by the same scheme     old part p ─► partition p, whole
//!   else                                       every old part ─► the partition that each key belongs to;
//!                                              what operator and sink of old part p saved ─► p mod partitions
//! ```

use super::letters::SavedLetters;
use super::plan::FlowError;
use crate::checkpoint::{Kind, Saved, Snapshot};
use crate::state::Table;
use crate::sys::real_disk::RealDisk;
use bytemuck::Pod;

/// The epoch a flow goes on from, with what each of its parts saved.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) snapshot: Snapshot<RealDisk>,
    pub(super) saved: Vec<Saved>,
}

/// One part of a stage as it is restored.
pub(super) struct Share<'a> {
    pub(super) restored: &'a Restored,
    /// Old parts whose entries may belong to this partition.
    pub(super) parts: Vec<usize>,
    /// Whether all of their entries do.
    pub(super) whole: bool,
    /// Old parts whose extras this partition takes up.
    pub(super) own: Vec<usize>,
}

impl Restored {
    pub(super) fn read(snapshot: Snapshot<RealDisk>, flow: &str) -> Result<Self, FlowError> {
        let shape = &snapshot.shape;
        if shape.flow != flow {
            return Err(FlowError::OtherFlow {
                found: shape.flow.clone(),
                flow: flow.to_owned(),
            });
        }
        let mut saved = Vec::with_capacity(shape.parts.len());
        for (index, part) in shape.parts.iter().enumerate() {
            let extras = snapshot.extras(index)?;
            saved.push(match part.kind {
                Kind::Results | Kind::Letters => Saved::default(),
                Kind::Source | Kind::Stage => {
                    Saved::from_bytes(&extras).map_err(unreadable(&part.name))?
                }
            });
        }
        Ok(Restored { snapshot, saved })
    }

    /// Files of results that took part.
    pub(super) fn files(&self) -> usize {
        let parts = self.snapshot.shape.parts.iter();
        parts.filter(|part| part.kind == Kind::Results).count()
    }

    /// What was known of the dead letters, if there could be any.
    pub(super) fn letters(&self) -> Result<Option<SavedLetters>, FlowError> {
        let mut parts = self.snapshot.shape.parts.iter();
        let Some(part) = parts.position(|part| part.kind == Kind::Letters) else {
            return Ok(None);
        };
        let saved = postcard::from_bytes(&self.snapshot.extras(part)?);
        saved.map(Some).map_err(unreadable("dead letters"))
    }

    /// Where file of results `number` stood, if there was one.
    pub(super) fn results(&self, number: usize) -> Result<Option<Vec<u8>>, FlowError> {
        let parts = self.snapshot.shape.parts.iter().enumerate();
        let mut files = parts.filter(|(_, part)| part.kind == Kind::Results);
        let part = files.nth(number);
        part.map(|(part, _)| self.snapshot.extras(part).map_err(FlowError::from))
            .transpose()
    }
}

fn unreadable(part: &str) -> impl Fn(postcard::Error) -> FlowError {
    move |source| FlowError::Extras {
        part: part.to_owned(),
        source,
    }
}

impl Share<'_> {
    /// Entries that it may come to.
    pub(super) fn entries(&self, partitions: usize) -> usize {
        let entries = self
            .parts
            .iter()
            .map(|&part| self.restored.saved[part].entries);
        let entries = entries.sum::<u64>() as usize;
        if self.whole {
            entries
        } else {
            entries.div_ceil(partitions)
        }
    }

    /// The watermark to go on from, ns of event time.
    pub(super) fn watermark_ns(&self) -> u64 {
        let parts = self.parts.iter();
        let watermarks = parts.map(|&part| self.restored.saved[part].watermark_ns);
        watermarks.min().unwrap_or(0)
    }

    /// What operators saved that this one takes up.
    pub(super) fn operators(&self) -> impl Iterator<Item = &[u8]> {
        let own = self.own.iter();
        own.map(|&part| self.restored.saved[part].operator.as_slice())
    }

    /// Fills `table` with the entries whose keys `belong` here.
    pub(super) fn fill<V: Pod>(
        &self,
        table: &mut Table<V>,
        belong: impl Fn(u64) -> bool,
    ) -> Result<(), FlowError> {
        for &part in &self.parts {
            self.restored
                .snapshot
                .blocks(part, &mut |_: u64, block: &[u8]| {
                    if self.whole {
                        table.restore(block, |_| true);
                    } else {
                        table.restore(block, &belong);
                    }
                })?;
        }
        Ok(())
    }

    /// Whether every entry must be asked where it belongs.
    pub(super) fn is_shared_out_anew(&self) -> bool {
        !self.whole
    }
}
