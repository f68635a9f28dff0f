//! Why the laboratory has no result.

use crate::source::trace::TraceError;
use crate::sys::quantity::format_bytes;

/// Why a trace could not be studied.
#[derive(Debug, thiserror::Error)]
pub enum LaboratoryError {
    /// It cannot be read, or not on.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// No record of it could be used.
    #[error(
        "{trace}: no request in it: {bad} records were read, all of them bad; expected at least one; see {advice}"
    )]
    NoRequests {
        /// The trace.
        trace: String,
        /// Records that were read.
        bad: u64,
        /// Where the reasons are.
        advice: String,
    },
    /// A sample that kept no key.
    #[error(
        "{trace}: a sample of {rate} keeps none of its keys; expected some; raise the rate, or say --sample auto"
    )]
    NothingSampled {
        /// The trace.
        trace: String,
        /// The share of keys asked for.
        rate: f64,
    },
    /// The trace has no items.
    #[error(
        "{trace}: it has no items; expected a column for them; leave --key out, or name it: --columns item=COLUMN"
    )]
    NoItems {
        /// The trace.
        trace: String,
    },
    /// The trace does not say how large its objects are.
    #[error(
        "{trace}: it does not say how large its objects are, so a size in bytes means nothing; expected {expected}; \
         give shares or counts, or name the column: --columns value=COLUMN"
    )]
    NoSizes {
        /// The trace.
        trace: String,
        /// What would say it.
        expected: String,
    },
    /// More memory than allowed.
    #[error(
        "{trace}: {what} takes {}; expected at most {} (--memory); give more, or sample: --sample auto",
        format_bytes(*needed_bytes), format_bytes(*allowed_bytes)
    )]
    Memory {
        /// The trace.
        trace: String,
        /// What needs it.
        what: String,
        /// How much, bytes; a lower bound while reading.
        needed_bytes: u64,
        /// The limit, bytes.
        allowed_bytes: u64,
    },
    /// Stopped by the user while reading.
    #[error("{trace}: interrupted after {records} records; there is no result yet")]
    Interrupted {
        /// The trace.
        trace: String,
        /// Records read.
        records: u64,
    },
}

impl LaboratoryError {
    /// Whether something was asked for that this trace does not have.
    pub fn is_usage(&self) -> bool {
        match self {
            LaboratoryError::Trace(error) => error.is_usage(),
            LaboratoryError::NoItems { .. } | LaboratoryError::NoSizes { .. } => true,
            _ => false,
        }
    }
}
