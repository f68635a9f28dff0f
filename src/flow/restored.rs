//! What a flow goes on from: the parts of an epoch, shared out among the partitions there are now.
//!
//! ```text
//!   as many partitions, by the same scheme     old part p ─► partition p, whole
//!   else                                       every old part ─► the partition that each key belongs to;
//!                                              what operator and sink of old part p saved ─► p mod partitions
//! ```
//!
//! Tables are filled by a thread for each core the process may use, before any task is there.

use super::letters::SavedLetters;
use super::plan::{FlowError, Plan};
use crate::checkpoint::{Kind, Saved, Snapshot};
use crate::operator::StageName;
use crate::partition::OwnerOfKeys;
use crate::state::Table;
use crate::sys::real_disk::RealDisk;
use crate::task::TaskError;
use bytemuck::Pod;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

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
    /// The logs in which more of their entries lie.
    pub(super) logs: Vec<usize>,
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
                Kind::Results | Kind::Letters | Kind::Log | Kind::Array => Saved::default(),
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

    /// Hands the entries that belong to partition `name` to `each`: first those that were in memory.
    pub(super) fn entries_of<V: Pod>(
        &self,
        name: &StageName,
        owner: &Option<OwnerOfKeys>,
        mut each: impl FnMut(u64, u64, V) -> Result<(), TaskError>,
    ) -> Result<(), FlowError> {
        let owner = self.owner(name, owner)?;
        let mut done = Ok(());
        for &part in self.parts.iter().chain(&self.logs) {
            self.restored.snapshot.entries(part, |entry| {
                let is_ours = || owner.is_none_or(|owner| owner(entry.key) == name.partition);
                if done.is_ok() && is_ours() {
                    let value = bytemuck::pod_read_unaligned(entry.value);
                    done = each(entry.key, entry.stamp, value);
                }
            })?;
        }
        done.map_err(FlowError::Refill)
    }

    /// What tells where a key belongs; `None` where all of the share's are this partition's.
    fn owner<'a>(
        &self,
        name: &StageName,
        owner: &'a Option<OwnerOfKeys>,
    ) -> Result<Option<&'a OwnerOfKeys>, FlowError> {
        match owner {
            _ if self.whole => Ok(None),
            Some(owner) => Ok(Some(owner)),
            None => Err(FlowError::Rescale {
                stage: name.name.clone(),
                scheme: name.partitioner.clone(),
            }),
        }
    }
}

/// A partition whose state is being restored.
struct Filling<'a, V> {
    partition: usize,
    share: Share<'a>,
    table: Table<V>,
}

/// The tables of a stage's partitions `names` as a restored run finds them; none where it starts anew, or state
/// is bounded. `owner` tells where a key belongs.
///
/// # Errors
/// Memory cannot be had, the checkpoint does not fit, or it can no longer be read.
pub(super) fn restored_tables<V: Pod + Send>(
    plan: &Plan,
    names: &[StageName],
    owner: &Option<OwnerOfKeys>,
) -> Result<Vec<Table<V>>, FlowError> {
    let unbounded = plan.options.state_memory_bytes == 0;
    let Some(parts) = plan.parts.as_ref().filter(|_| unbounded) else {
        return Ok(Vec::new());
    };
    let mut fillings = Vec::with_capacity(names.len());
    for name in names {
        let Some(share) = parts.share(name, names.len(), size_of::<V>())? else {
            return Ok(Vec::new());
        };
        share.owner(name, owner)?;
        fillings.push(Filling {
            partition: name.partition,
            table: plan.table(share.entries(names.len()))?,
            share,
        });
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    fill_on(threads, fillings, owner)
}

/// Fills all tables, on at most so many threads; the error is that of the first partition that has one.
fn fill_on<V: Pod + Send>(
    threads: usize,
    fillings: Vec<Filling<'_, V>>,
    owner: &Option<OwnerOfKeys>,
) -> Result<Vec<Table<V>>, FlowError> {
    let threads = threads.clamp(1, fillings.len().max(1));
    let whole = fillings.iter().all(|filling| filling.share.whole);
    // Whole parts are read by their partitions, each once. What is shared out anew every thread reads once, for
    // all its partitions together.
    let groups = if whole { fillings.len() } else { threads };
    let mut grouped: Vec<Vec<Filling<'_, V>>> = (0..groups).map(|_| Vec::new()).collect();
    for filling in fillings {
        grouped[filling.partition % groups].push(filling);
    }
    let waiting = Mutex::new(grouped.into_iter());
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next();
            let Some(mut group) = next else {
                return;
            };
            let filled = fill(&mut group, owner);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            let first = group.first().map_or(0, |filling| filling.partition);
            done.push((first, filled.map(|()| group)));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // Where the system gives no more threads, those there are do the work.
            let _ = std::thread::Builder::new()
                .name("restore".into())
                .spawn_scoped(scope, work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(first, _)| *first);
    let mut filled = Vec::new();
    for (_, group) in done {
        filled.extend(group?);
    }
    filled.sort_unstable_by_key(|filling| filling.partition);
    Ok(filled.into_iter().map(|filling| filling.table).collect())
}

/// Fills the tables of a group, whose parts are read once.
fn fill<V: Pod>(
    group: &mut [Filling<'_, V>],
    owner: &Option<OwnerOfKeys>,
) -> Result<(), FlowError> {
    let parts = group.iter().flat_map(|filling| filling.share.parts.iter());
    let parts: BTreeSet<usize> = parts.copied().collect();
    let Some(restored) = group.first().map(|filling| filling.share.restored) else {
        return Ok(());
    };
    for part in parts {
        restored.snapshot.blocks(part, |_, block| {
            for filling in group.iter_mut() {
                if !filling.share.parts.contains(&part) {
                    continue;
                }
                match owner.as_ref().filter(|_| !filling.share.whole) {
                    Some(owner) => filling
                        .table
                        .restore(block, |key| owner(key) == filling.partition),
                    None => filling.table.restore(block, |_| true),
                };
            }
        })?;
    }
    // What was not in memory, if state was bounded then.
    let logs = group.iter().flat_map(|filling| filling.share.logs.iter());
    let logs: BTreeSet<usize> = logs.copied().collect();
    for log in logs {
        restored.snapshot.entries(log, |entry| {
            let owner = owner.as_ref();
            let mut mine = group.iter_mut().filter(|filling| {
                let is_whole = filling.share.whole;
                filling.share.logs.contains(&log)
                    && (is_whole || owner.is_none_or(|owner| owner(entry.key) == filling.partition))
            });
            if let Some(filling) = mine.next() {
                let value = bytemuck::pod_read_unaligned(entry.value);
                filling.table.restore_one(entry.key, entry.stamp, value);
            }
        })?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "restored_tests.rs"]
mod tests;
