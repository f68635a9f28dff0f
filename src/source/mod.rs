//! Sources: where events come from and when each is due.
pub mod load;
pub mod pace;
pub mod trace;
