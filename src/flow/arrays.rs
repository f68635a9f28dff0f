//! The arrays that an operator keeps beside the states of its keys: each a part of the checkpoint of its own.
//!
//! ```text
//!   old partition p ─► partition p mod partitions, as what operators save; where there are fewer partitions now,
//!                      one array takes up several, item by item
//! ```

use super::checkpoint::Parts;
use super::plan::FlowError;
use crate::checkpoint::{Kind, PartShape};
use crate::operator::{Operator, StageName};
use crate::state::Captured;

impl Parts {
    /// The arrays of `operator` take up what those of an earlier run had, and are connected.
    pub(super) fn arrays(
        &mut self,
        operator: &mut impl Operator,
        name: &StageName,
        partitions: usize,
    ) -> Result<(), FlowError> {
        let (mut count, mut outcome) = (0, Ok(()));
        operator.arrays(&mut |array| {
            if outcome.is_ok() {
                outcome = self.array(array, count, name, partitions);
            }
            count += 1;
        });
        outcome?;
        let known = |part: &PartShape| (0..count).any(|number| part.name == named(name, number));
        match self.old_arrays(name).find(|(_, part)| !known(part)) {
            None => Ok(()),
            Some((_, part)) => Err(refused(
                &part.name,
                format!(
                    "this operator keeps {count} arrays: restore with the program that made it"
                ),
            )),
        }
    }

    fn array(
        &mut self,
        array: &mut dyn Captured,
        number: usize,
        name: &StageName,
        partitions: usize,
    ) -> Result<(), FlowError> {
        let shape = PartShape {
            kind: Kind::Array,
            name: named(name, number),
            stage_index: name.stage_index as u32,
            partition: name.partition as u32,
            partitions: partitions as u32,
            scheme: String::new(),
            entry_bytes: 0,
            value_bytes: array.shape().0,
            block_bytes: array.shape().1,
        };
        if let Some(restored) = &self.opened.restored {
            let old = || {
                self.old_arrays(name)
                    .filter(|(_, part)| part.name == shape.name)
            };
            let sizes = |part: &PartShape| (part.value_bytes, part.block_bytes);
            let other = old()
                .map(|(_, part)| part)
                .find(|part| sizes(part) != sizes(&shape));
            let reason = match (old().next(), other) {
                (None, _) => Some("it is not in the checkpoint".to_owned()),
                (_, Some(part)) => Some(format!(
                    "its items have {} bytes there and {} here",
                    part.value_bytes, shape.value_bytes
                )),
                _ => None,
            };
            if let Some(reason) = reason {
                let remedy = "restore with the program that made it";
                return Err(refused(&shape.name, format!("{reason}: {remedy}")));
            }
            for (index, _) in
                old().filter(|(_, part)| part.partition as usize % partitions == name.partition)
            {
                let mut taken = Ok(());
                restored.snapshot.blocks(index, |block, bytes| {
                    if taken.is_ok() {
                        taken = array.restore(block, bytes);
                    }
                })?;
                taken.map_err(|reason| refused(&shape.name, reason))?;
            }
        }
        array.connect(self.add(shape));
        Ok(())
    }

    /// Arrays of the stage in the checkpoint the run goes on from, and their numbers among its parts.
    fn old_arrays(&self, name: &StageName) -> impl Iterator<Item = (usize, &PartShape)> {
        let restored = self.opened.restored.iter();
        let parts = restored.flat_map(|restored| restored.snapshot.shape.parts.iter().enumerate());
        let stage_index = name.stage_index as u32;
        parts.filter(move |(_, part)| part.kind == Kind::Array && part.stage_index == stage_index)
    }
}

fn named(name: &StageName, number: usize) -> String {
    format!("{}-array{number}", name.name)
}

fn refused(part: &str, reason: String) -> FlowError {
    FlowError::Restore {
        part: part.to_owned(),
        reason,
    }
}
