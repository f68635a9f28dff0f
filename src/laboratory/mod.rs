//! The cache laboratory: which policy, and how large, for the requests of a trace.
//!
//! ```text
//!   trace ─► requests ─► study: policies × sizes on all cores ─► table, CSV, JSON, HTML
//!            (numbered    search: the least size for a wanted hit ratio
//!             once)       accuracy: how far a sample may be off
//! ```
//!
//! The policies are those of `cache`, unchanged; what a live flow would do is what is simulated.

mod accuracy;
mod error;
mod finding;
mod html;
mod lineup;
mod numbering;
mod pool;
mod requests;
mod search;
mod share;
mod simulate;
mod size;
mod study;
mod table;

pub use accuracy::expected_error;
pub use error::LaboratoryError;
pub use finding::{Finding, Row, csv, json};
pub use html::html;
pub use lineup::Contender;
pub use requests::{AUTO_KEYS_MAX, Identity, Reading, Requests, Sample};
pub use search::{Reached, Search, search};
pub use share::{ShareError, parse_share};
pub use size::{Size, SizeError, Unit};
pub use study::{Column, Measured, Plan, Study, study};
pub use table::text;
