//! Sources in memory: a slice at full speed, and any iterator.

use super::task::{Offer, Poll, Source};
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

    fn figures(&mut self, figures: &mut Figures) {
        figures.pace = "max".into();
    }
}

/// Offers what an iterator yields, as fast as the engine takes it.
#[derive(Debug)]
pub struct Iter<I>(
    /// Asked for the next event only when there is room for it.
    pub I,
);

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
            let Some(event) = self.0.next() else {
                return Ok(Poll::End);
            };
            out.now(0, event);
            if out.is_blocked() {
                break;
            }
        }
        Ok(Poll::Ready)
    }

    fn figures(&mut self, figures: &mut Figures) {
        figures.pace = "max".into();
    }
}
