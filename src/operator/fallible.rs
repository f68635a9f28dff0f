//! Operators that can fail at an event, other than by a panic.

use super::{Emit, Operator, Retain};
use crate::event::Event;
use crate::state::{Captured, States};
use crate::task::CacheFigures;
use bytemuck::Pod;
use std::error::Error;
use std::marker::PhantomData;

/// Why an operator failed at an event; `?` makes one of any error, and of text.
pub type Fault = Box<dyn Error + Send + Sync>;

/// As [`Operator`], but it may fail at an event. Every [`Operator`] is one that never says so.
///
/// It runs inside a [recovery block](super::recovery_block): what it did to the key's state and what it put
/// out is then undone. Its own fields are not: it must leave them in order itself.
pub trait TryOperator: Send + 'static {
    /// What it takes in.
    type In: Event;
    /// What it remembers of each key: plain bytes, all zero when the key is new.
    type State: Pod + Send;
    /// What it puts out.
    type Out: Event;

    /// Processes one event of `key`.
    ///
    /// # Errors
    /// It could not; state and outputs are undone.
    fn try_process(
        &mut self,
        key: u64,
        event: &Self::In,
        state: &mut Self::State,
        out: &mut impl Emit<Self::Out>,
    ) -> Result<Retain, Fault>;

    /// As [`Operator::watermark`]; asked of the primary alone.
    fn watermark(
        &mut self,
        watermark_ns: u64,
        states: &mut dyn States<Self::State>,
        out: &mut impl Emit<Self::Out>,
    ) {
        let _ = (watermark_ns, states, out);
    }

    /// As [`Operator::end`]; asked of the primary alone.
    fn end(&mut self, states: &mut dyn States<Self::State>, out: &mut impl Emit<Self::Out>) {
        let _ = (states, out);
    }

    /// As [`Operator::save`].
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    /// As [`Operator::restore`].
    ///
    /// # Errors
    /// Why it cannot.
    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        if saved.is_empty() {
            return Ok(());
        }
        Err("this operator remembers nothing of an earlier run".into())
    }

    /// As [`Operator::arrays`].
    fn arrays(&mut self, show: &mut dyn FnMut(&mut dyn Captured)) {
        let _ = show;
    }

    /// As [`Operator::measures`].
    fn measures(&self) -> Vec<(String, f64)> {
        Vec::new()
    }

    /// As [`Operator::caches`].
    fn caches(&self) -> Vec<CacheFigures> {
        Vec::new()
    }

    /// As [`Operator::notes`].
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

impl<Op: Operator> TryOperator for Op {
    type In = Op::In;
    type State = Op::State;
    type Out = Op::Out;

    #[inline(always)]
    fn try_process(
        &mut self,
        key: u64,
        event: &Op::In,
        state: &mut Op::State,
        out: &mut impl Emit<Op::Out>,
    ) -> Result<Retain, Fault> {
        Ok(self.process(key, event, state, out))
    }

    fn watermark(
        &mut self,
        watermark_ns: u64,
        states: &mut dyn States<Op::State>,
        out: &mut impl Emit<Op::Out>,
    ) {
        Operator::watermark(self, watermark_ns, states, out);
    }

    fn end(&mut self, states: &mut dyn States<Op::State>, out: &mut impl Emit<Op::Out>) {
        Operator::end(self, states, out);
    }

    fn save(&self) -> Vec<u8> {
        Operator::save(self)
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        Operator::restore(self, saved)
    }

    fn arrays(&mut self, show: &mut dyn FnMut(&mut dyn Captured)) {
        Operator::arrays(self, show);
    }

    fn measures(&self) -> Vec<(String, f64)> {
        Operator::measures(self)
    }

    fn caches(&self) -> Vec<CacheFigures> {
        Operator::caches(self)
    }

    fn notes(&self) -> Vec<String> {
        Operator::notes(self)
    }
}

/// Made by [`try_update`].
pub struct TryUpdate<E, S, O, X, F> {
    apply: F,
    types: PhantomData<fn(E, S, X) -> O>,
}

/// As [`update`](super::update), from a closure that may fail.
pub fn try_update<E, S, O, X, F>(apply: F) -> TryUpdate<E, S, O, X, F>
where
    E: Event,
    S: Pod + Send,
    O: Event,
    X: Into<Fault> + 'static,
    F: FnMut(&E, &mut S) -> Result<O, X> + Send + 'static,
{
    TryUpdate {
        apply,
        types: PhantomData,
    }
}

impl<E, S, O, X, F> TryOperator for TryUpdate<E, S, O, X, F>
where
    E: Event,
    S: Pod + Send,
    O: Event,
    X: Into<Fault> + 'static,
    F: FnMut(&E, &mut S) -> Result<O, X> + Send + 'static,
{
    type In = E;
    type State = S;
    type Out = O;

    #[inline(always)]
    fn try_process(
        &mut self,
        _: u64,
        event: &E,
        state: &mut S,
        out: &mut impl Emit<O>,
    ) -> Result<Retain, Fault> {
        out.emit((self.apply)(event, state).map_err(Into::into)?);
        Ok(Retain::Keep)
    }
}
