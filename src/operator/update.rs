//! An operator from a closure, for stages that answer every event with one result and forget nothing.

use super::{Emit, Operator, Retain};
use crate::event::Event;
use bytemuck::Pod;
use std::marker::PhantomData;

/// Made by [`update`].
pub struct Update<E, S, O, F> {
    apply: F,
    types: PhantomData<fn(E, S) -> O>,
}

/// An operator that calls `apply` with each event and the state of its key, and puts out what it returns.
pub fn update<E, S, O, F>(apply: F) -> Update<E, S, O, F>
where
    E: Event,
    S: Pod + Send,
    O: Event,
    F: FnMut(&E, &mut S) -> O + Send + 'static,
{
    Update {
        apply,
        types: PhantomData,
    }
}

impl<E, S, O, F> Operator for Update<E, S, O, F>
where
    E: Event,
    S: Pod + Send,
    O: Event,
    F: FnMut(&E, &mut S) -> O + Send + 'static,
{
    type In = E;
    type State = S;
    type Out = O;

    #[inline(always)]
    fn process(&mut self, _: u64, event: &E, state: &mut S, out: &mut impl Emit<O>) -> Retain {
        out.emit((self.apply)(event, state));
        Retain::Keep
    }
}
