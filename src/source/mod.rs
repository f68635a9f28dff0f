//! Sources: where events come from and when each is due.
pub mod trace;
