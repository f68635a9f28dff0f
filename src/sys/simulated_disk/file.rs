//! An open file of a simulated disk.
use super::SimulatedDisk;
use super::draw::Draw;
use super::fault::FaultKind;
use super::node::{Change, NodeId};
use crate::sys::disk::DiskFile;
use std::io;

/// A file of a [`SimulatedDisk`]. It goes on after its name was removed, as on Linux.
#[derive(Debug)]
pub struct SimulatedFile {
    disk: SimulatedDisk,
    node: NodeId,
    writable: bool,
}

impl SimulatedFile {
    pub(super) fn new(disk: SimulatedDisk, node: NodeId, writable: bool) -> Self {
        SimulatedFile {
            disk,
            node,
            writable,
        }
    }

    /// As `EBADF` of a file that was opened to be read.
    fn check_writable(&self) -> io::Result<()> {
        if self.writable {
            return Ok(());
        }
        Err(io::Error::from_raw_os_error(libc::EBADF))
    }

    fn change(&mut self, kinds: &[FaultKind], grows_to: u64, change: Change) -> io::Result<()> {
        self.check_writable()?;
        let mut state = self.disk.state();
        let has_room = grows_to <= state.contents.file(self.node)?.room;
        let kinds: &[FaultKind] = match kinds.split_last() {
            Some((FaultKind::NoSpace, others)) if has_room => others,
            _ => kinds,
        };
        let fault = state.begin(kinds)?;
        let operation = state.operation;
        let kept = match (fault, change) {
            (None, change) => Some(change),
            (Some(FaultKind::ShortWrite), Change::Write { offset, bytes }) => {
                let kept = state.random.below(bytes.len() as u64) as usize;
                let bytes = bytes[..kept].into();
                (kept > 0).then_some(Change::Write { offset, bytes })
            }
            (Some(_), _) => None,
        };
        if let Some(change) = kept {
            let file = state.contents.file_mut(self.node)?;
            file.change(operation, change);
            state.changed();
        }
        fault.map_or(Ok(()), |kind| Err(kind.error()))
    }
}

impl DiskFile for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.begin(&[])?;
        Ok(state.contents.file(self.node)?.seen.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.begin_or_fail(&[FaultKind::ReadError])?;
        if state.contents.file(self.node)?.seen.read(bytes, offset) {
            return Ok(());
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset.checked_add(bytes.len() as u64);
        let end = end.ok_or(io::ErrorKind::FileTooLarge)?;
        let kinds = [
            FaultKind::ShortWrite,
            FaultKind::WriteError,
            FaultKind::NoSpace,
        ];
        let bytes = bytes.into();
        self.change(&kinds, end, Change::Write { offset, bytes })
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        self.change(&[FaultKind::NoSpace], len, Change::Room(len))
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let kinds = [FaultKind::WriteError, FaultKind::NoSpace];
        self.change(&kinds, len, Change::Length(len))
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        let fault = state.begin(&[FaultKind::SyncLost])?;
        if fault.is_none() && state.contents.file(self.node)?.is_safe() {
            return Ok(());
        }
        let seed = state.random.next_u64();
        let file = state.contents.file_mut(self.node)?;
        let Some(kind) = fault else {
            file.sync();
            state.changed();
            return Ok(());
        };
        let pending: Vec<u64> = file.pending().collect();
        file.sync_fails(&mut Draw::new(seed, &pending), seed & 1 == 1);
        state.changed();
        Err(kind.error())
    }
}
