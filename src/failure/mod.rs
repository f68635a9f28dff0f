//! Events that fail: what is to be done about one, and what becomes of it.
//!
//! ```text
//!   operator fails at an event (error, panic, rejected result)
//!        │ its key is as it was before (operator/recovery)
//!        ▼
//!   Policy ─► retry: wait, try again     ─► skip: count it     ─► stop: end the run
//!        └──► dead letter: Desk ──ring──► Post thread ─► one JSON line in the dead-letter file
//!
//!   event kills the process ─► Page (mapped, outlives it) says what each task was at
//!        next start ─► Killers counts the deaths; after three at one event it becomes a dead letter
//! ```
//!
//! Each partition of a guarded stage owns a [`Guard`], and with it its desk and its place on the page.
//! Nothing of this exists in a stage that is not guarded.
mod desk;
mod drill;
mod guard;
mod killers;
mod letter;
mod letter_file;
mod mailbag;
mod mailbox;
mod page;
mod panic;
mod policy;
mod post;
pub use desk::Desk;
pub use drill::{Drill, OneIn, Strike, fingerprint};
pub use guard::{Guard, GuardCounts, Turn, Verdict};
pub use killers::{DEATHS_MAX, Killers, Suspect};
pub use letter::{EventLetter, EventTime, Form, RawEvent, Site};
pub use letter_file::{Withdrawn, withdrawn_path};
pub use mailbag::{BadRecordLetter, Mail, MailError, Mailbag, read_letters};
pub use page::{At, Page};
pub use panic::{catch, hush};
pub use policy::{Last, Policy};
pub use post::{History, LettersPart, Post, PostError, PostThread};
