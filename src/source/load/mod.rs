//! The load generator: which key, which value, and when each event is due.
//!
//! ```text
//!   seed ─┬─ "keys"     → KeySampler  (keys.rs, zipf.rs)      → key
//!         ├─ "values"   → ValuePattern (values.rs)            → value
//!         └─ "arrivals" → Schedule    (arrivals.rs, schedule.rs, course.rs) → due_ns
//! ```
//!
//! Pure and seeded: the same configuration gives the same events on every run. Nothing here waits,
//! reads a clock or allocates once it is built; the source task owns a [`Load`] and decides what to do
//! with an event whose time has not come.
mod arrivals;
mod call;
mod course;
mod event;
mod keys;
mod schedule;
mod values;
mod zipf;
pub use arrivals::Arrivals;
pub use call::ParseError;
pub use event::{Load, LoadEvent};
pub use keys::{KeyDistribution, KeySampler, ZIPF_EXPONENT_MAX, ZIPF_KEYS_MAX};
pub use schedule::{AT_ONCE, Schedule, ScheduleError};
pub use values::ValuePattern;
