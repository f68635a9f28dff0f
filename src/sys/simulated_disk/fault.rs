//! What can go wrong with a call to a simulated disk while it runs.
use std::fmt;
use std::io;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A write ends early and fails: a beginning of its bytes is there.
    ShortWrite,
    /// A write fails with `EIO`: nothing of it is there.
    WriteError,
    /// A read fails with `EIO`.
    ReadError,
    /// Whatever takes new room (a file made, lengthened, or written to where it had no room) fails with
    /// `ENOSPC`. Writing to where room was taken before goes on.
    NoSpace,
    /// A sync fails with `EIO` and drops what was pending: some of it is safe, the rest never will be,
    /// though the process may go on seeing it and later syncs succeed. Names are not dropped when the sync of
    /// their directory fails (file systems keep them in a journal): they stay as they were, not safe.
    SyncLost,
    /// A rename or removal fails with `EIO`: it did not happen.
    NameError,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [FaultKind; 6] = [
        FaultKind::ShortWrite,
        FaultKind::WriteError,
        FaultKind::ReadError,
        FaultKind::NoSpace,
        FaultKind::SyncLost,
        FaultKind::NameError,
    ];

    /// What the call fails with.
    pub(super) fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            FaultKind::NoSpace => libc::ENOSPC,
            _ => libc::EIO,
        })
    }
}

/// Something that goes wrong at the first call from `operation` on that it can happen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// Number of the first call that it may happen to; the first call of all is 1.
    pub operation: u64,
    /// To how many calls it happens.
    pub times: u64,
}

/// The machine stopped: what every call fails with from then on. Found inside an [`io::Error`] by
/// [`is_crash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crashed {
    /// Number of the last call that was carried out.
    pub operation: u64,
}

impl fmt::Display for Crashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "simulated crash after operation {}", self.operation)
    }
}

impl std::error::Error for Crashed {}

/// Whether `error` says that the simulated machine stopped.
pub fn is_crash(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Crashed>())
}
