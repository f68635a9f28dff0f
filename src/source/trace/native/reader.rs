//! A native trace read record by record, like any other; each block is checked when it is reached.
use super::layout::{BLOCK_BYTES, ClickRecord, HEADER_BYTES, KeyedRecord, Layout, NativeRecord};
use super::mapped::Mapped;
use crate::source::trace::error::{Place, TraceError};
use crate::source::trace::intake::{Intake, Reader};
use crate::source::trace::record::Record;

pub(in crate::source::trace) struct NativeReader {
    mapped: Mapped,
    next: usize,
    blocks_checked: usize,
}

impl NativeReader {
    /// Takes over the texts of the trace, and reads on from its first record.
    pub(in crate::source::trace) fn new(
        mapped: Mapped,
        intake: &mut Intake,
    ) -> Result<Self, TraceError> {
        mapped.intern(&mut intake.interner)?;
        Ok(NativeReader {
            mapped,
            next: 0,
            blocks_checked: 0,
        })
    }

    fn hand_on<T: NativeRecord>(
        &self,
        to: usize,
        intake: &mut Intake,
        out: &mut Vec<Record>,
    ) -> Result<(), TraceError> {
        for (index, record) in self.mapped.records::<T>()?[self.next..to]
            .iter()
            .enumerate()
        {
            let offset = HEADER_BYTES + (self.next + index) * size_of::<T>();
            intake.accept((*record).into(), Place::Offset(offset as u64), out)?;
        }
        Ok(())
    }
}

impl Reader for NativeReader {
    fn fill(
        &mut self,
        limit: usize,
        intake: &mut Intake,
        out: &mut Vec<Record>,
    ) -> Result<bool, TraceError> {
        let layout = self.mapped.layout();
        let to = self.mapped.len().min(self.next + limit);
        // A record may lie across two blocks: check up to the one in which the last of these ends.
        let blocks = (to * layout.record_bytes()).div_ceil(BLOCK_BYTES);
        for block in self.blocks_checked..blocks {
            self.mapped.check_block(block)?;
        }
        self.blocks_checked = self.blocks_checked.max(blocks);
        match layout {
            Layout::Keyed => self.hand_on::<KeyedRecord>(to, intake, out)?,
            Layout::Clicks => self.hand_on::<ClickRecord>(to, intake, out)?,
        }
        self.next = to;
        Ok(to < self.mapped.len())
    }
}
