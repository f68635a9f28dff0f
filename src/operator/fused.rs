//! Steps fused into the task before them: they cost a call that the compiler removes, and no ring.

use crate::event::{Due, Event, Marker};
use crate::task::{Context, Downstream, Figures};
use std::marker::PhantomData;

/// Lets through what the predicate accepts.
#[derive(Debug)]
pub struct Filter<F, D> {
    /// The predicate.
    pub accept: F,
    /// What follows.
    pub down: D,
    /// Events it held back.
    pub filtered: u64,
}

/// Turns each event into another.
#[derive(Debug)]
pub struct Map<F, D, U> {
    /// The function.
    pub apply: F,
    /// What follows.
    pub down: D,
    /// The type it makes.
    pub made: PhantomData<fn() -> U>,
}

/// Turns each event into any number of others.
#[derive(Debug)]
pub struct FlatMap<F, D, U> {
    /// Called with the event and a function that takes its outputs.
    pub apply: F,
    /// What follows.
    pub down: D,
    /// Events without an output.
    pub filtered: u64,
    /// Outputs beyond the first.
    pub expanded: u64,
    /// The type it makes.
    pub made: PhantomData<fn() -> U>,
}

/// What all three do alike: everything but `push` and `figures` is the business of what follows.
macro_rules! forward_to_down {
    () => {
        fn marker(&mut self, marker: Marker, cx: &mut Context) {
            self.down.marker(marker, cx);
        }

        #[inline(always)]
        fn is_blocked(&self) -> bool {
            self.down.is_blocked()
        }

        #[inline(always)]
        fn flush(&mut self, cx: &mut Context) -> bool {
            self.down.flush(cx)
        }

        fn save(&self, saved: &mut Vec<u8>) {
            self.down.save(saved);
        }
    };
}

impl<T: Event, F: FnMut(&T) -> bool + Send, D: Downstream<T>> Downstream<T> for Filter<F, D> {
    #[inline(always)]
    fn push(&mut self, due: Due, value: T) {
        if (self.accept)(&value) {
            self.down.push(due, value);
        } else {
            self.filtered += 1;
        }
    }

    forward_to_down!();

    fn figures(self, figures: &mut Figures) {
        figures.events_filtered += self.filtered;
        self.down.figures(figures);
    }
}

impl<T: Event, U: Event, F: FnMut(T) -> U + Send, D: Downstream<U>> Downstream<T> for Map<F, D, U> {
    #[inline(always)]
    fn push(&mut self, due: Due, value: T) {
        self.down.push(due, (self.apply)(value));
    }

    forward_to_down!();

    fn figures(self, figures: &mut Figures) {
        self.down.figures(figures);
    }
}

impl<T, U, F, D> Downstream<T> for FlatMap<F, D, U>
where
    T: Event,
    U: Event,
    F: FnMut(T, &mut dyn FnMut(U)) + Send,
    D: Downstream<U>,
{
    #[inline(always)]
    fn push(&mut self, due: Due, value: T) {
        let (down, mut outputs) = (&mut self.down, 0u64);
        (self.apply)(value, &mut |output| {
            outputs += 1;
            down.push(due, output);
        });
        self.filtered += u64::from(outputs == 0);
        self.expanded += outputs.saturating_sub(1);
    }

    forward_to_down!();

    fn figures(self, figures: &mut Figures) {
        figures.events_filtered += self.filtered;
        self.down.figures(figures);
        figures.events_expanded += self.expanded;
    }
}
