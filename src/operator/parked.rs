//! Events of a stage whose state is all in memory that wait because one of their key has failed and is to be
//! tried again.
//!
//! The state of such a key stays in the table, as it was before the event that failed. Nothing is set up
//! before the first failure.

use super::keyed::KeyOf;
use super::waiting::Waiting;
use crate::event::{Due, Event};
use crate::partition::mum64;

/// Keys of one partition that may wait at a time; when so many do, it takes in no more.
const KEYS_MAX: usize = 256;

/// The waiting room of one partition.
pub(super) struct Parked<E>(Option<Box<Waiting<E, ()>>>);

/// Where an event goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is processed.
    Through,
    /// It waits behind another of its key.
    Behind,
    /// It stays where it is, for there would be no room if it had to wait.
    Nowhere,
}

impl<E: Event> Parked<E> {
    pub(super) fn new() -> Self {
        Parked(None)
    }

    /// Looks where `event` goes; takes it if it waits.
    #[inline(always)]
    pub(super) fn way(&mut self, key_of: &impl KeyOf<E>, due: Due, event: &E) -> Way {
        match &mut self.0 {
            None => Way::Through,
            Some(waiting) if waiting.is_empty() => Way::Through,
            Some(waiting) => way(waiting, key_of(event), due, event),
        }
    }

    /// `event` has failed, and is to be tried again at `again_ns`.
    #[cold]
    pub(super) fn park(&mut self, key: u64, due: Due, event: E, again_ns: u64) {
        let waiting = self
            .0
            .get_or_insert_with(|| Box::new(Waiting::new(KEYS_MAX)));
        waiting.park((mum64(key), key), (due, event), None, again_ns);
    }

    /// What waits, if anything does; those whose time has come by `now_ns` are ready.
    pub(super) fn woken(&mut self, now_ns: u64) -> Option<&mut Waiting<E, ()>> {
        let waiting = self
            .0
            .as_deref_mut()
            .filter(|waiting| !waiting.is_empty())?;
        waiting.wake(now_ns);
        Some(waiting)
    }

    pub(super) fn put_aside(&self) -> u64 {
        self.0.as_ref().map_or(0, |waiting| waiting.put_aside())
    }

    pub(super) fn through(&self) -> u64 {
        self.0.as_ref().map_or(0, |waiting| waiting.through())
    }
}

#[cold]
#[inline(never)]
fn way<E: Event>(waiting: &mut Waiting<E, ()>, key: u64, due: Due, event: &E) -> Way {
    if !waiting.has_room() {
        return Way::Nowhere;
    }
    match waiting.find(mum64(key), key) {
        Some(ticket) => {
            waiting.push(ticket, due, *event);
            Way::Behind
        }
        None if waiting.next_ticket().is_none() => Way::Nowhere,
        None => Way::Through,
    }
}
