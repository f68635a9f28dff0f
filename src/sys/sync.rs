//! What threads agree through, where the agreement is subtle: in one place, so that `tests/models.rs` can
//! put a model checker's versions in its stead and try every order of steps on the files that use them.

pub(crate) use crossbeam_utils::sync::{Parker, Unparker};
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Mutex, PoisonError};
