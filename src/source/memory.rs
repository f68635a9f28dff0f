//! Sources in memory: a slice at full speed, and any iterator.

use super::offer::Offer;
use super::position::{Identity, beyond, decode, encode, identity};
use super::task::{Poll, Source};
use crate::event::Event;
use crate::task::{Context, Downstream, Figures, TaskError};
use std::marker::PhantomData;

/// Offers a slice (or anything that lends one, such as a mapped file) as fast as the engine takes it.
#[derive(Debug)]
pub struct Slice<B, E, F> {
    events: B,
    event_time_ns: F,
    next: usize,
    event: PhantomData<fn() -> E>,
}

impl<B, E, F> Slice<B, E, F> {
    /// Offers the events of `events`; `event_time_ns` finds an event's own time.
    pub fn new(events: B, event_time_ns: F) -> Self {
        Slice {
            events,
            event_time_ns,
            next: 0,
            event: PhantomData,
        }
    }
}

impl<B: AsRef<[E]>, E, F> Slice<B, E, F> {
    fn identity(&self) -> Identity {
        identity(
            "slice",
            [("events", self.events.as_ref().len().to_string())],
        )
    }
}

impl<B, E, F> Source for Slice<B, E, F>
where
    B: AsRef<[E]> + Send + 'static,
    E: Event,
    F: Fn(&E) -> u64 + Send + 'static,
{
    type Event = E;

    #[inline]
    fn poll<D: Downstream<E>>(
        &mut self,
        cx: &mut Context,
        out: &mut Offer<'_, D>,
    ) -> Result<Poll, TaskError> {
        let events = self.events.as_ref();
        let end = events.len().min(self.next + cx.budget);
        out.now_all(events, self.next..end, &self.event_time_ns);
        self.next = end;
        Ok(if end == events.len() {
            Poll::End
        } else {
            Poll::Ready
        })
    }

    fn position(&self) -> Option<Vec<u8>> {
        encode(&self.identity(), &(self.next as u64))
    }

    fn seek(&mut self, position: &[u8]) -> Result<(), TaskError> {
        let next: u64 = decode(&self.identity(), position)?;
        let len = self.events.as_ref().len();
        self.next = usize::try_from(next)
            .ok()
            .filter(|&next| next <= len)
            .ok_or_else(|| beyond(next, len as u64))?;
        Ok(())
    }

    fn figures(&mut self, figures: &mut Figures) {
        figures.pace = "max".into();
    }
}

/// Offers what an iterator yields, as fast as the engine takes it.
#[derive(Debug)]
pub struct Iter<I> {
    /// Asked for the next event only when there is room for it.
    events: I,
    offered: u64,
}

impl<I> Iter<I> {
    /// Offers the events of `events`. A restored run asks it for those before its checkpoint once more, and drops
    /// them: it must yield the same ones again.
    pub fn new(events: I) -> Self {
        Iter { events, offered: 0 }
    }

    fn identity() -> Identity {
        identity("iterator", [])
    }
}

impl<I> Source for Iter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Event,
{
    type Event = I::Item;

    fn poll<D: Downstream<I::Item>>(
        &mut self,
        cx: &mut Context,
        out: &mut Offer<'_, D>,
    ) -> Result<Poll, TaskError> {
        for _ in 0..cx.budget {
            let Some(event) = self.events.next() else {
                return Ok(Poll::End);
            };
            out.now(0, event);
            self.offered += 1;
            if out.is_blocked() {
                break;
            }
        }
        Ok(Poll::Ready)
    }

    fn position(&self) -> Option<Vec<u8>> {
        encode(&Self::identity(), &self.offered)
    }

    fn seek(&mut self, position: &[u8]) -> Result<(), TaskError> {
        let offered: u64 = decode(&Self::identity(), position)?;
        for passed in 0..offered {
            self.events.next().ok_or_else(|| beyond(offered, passed))?;
        }
        self.offered = offered;
        Ok(())
    }

    fn figures(&mut self, figures: &mut Figures) {
        figures.pace = "max".into();
    }
}
