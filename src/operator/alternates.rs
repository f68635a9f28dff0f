//! The operators of a recovery block, tried one after the other: a list made of types, so that each is called
//! directly.

use super::fallible::{Fault, TryOperator};
use super::{Emit, Retain};
use crate::event::Event;
use crate::state::{Captured, States};
use crate::task::CacheFigures;
use bytemuck::Pod;

/// The operators of a block, tried one after the other.
pub trait Alternates: Send + 'static {
    /// What they take in.
    type In: Event;
    /// What they remember of each key.
    type State: Pod + Send;
    /// What they put out.
    type Out: Event;
    /// How many there are.
    const COUNT: usize;

    /// Lets the operator of that number process an event.
    ///
    /// # Errors
    /// It failed.
    fn run(
        &mut self,
        number: usize,
        key: u64,
        event: &Self::In,
        state: &mut Self::State,
        out: &mut Vec<Self::Out>,
    ) -> Result<Retain, Fault>;

    /// As [`Operator::watermark`], to the primary.
    fn watermark(
        &mut self,
        watermark_ns: u64,
        states: &mut dyn States<Self::State>,
        out: &mut impl Emit<Self::Out>,
    );

    /// As [`Operator::end`], to the primary.
    fn end(&mut self, states: &mut dyn States<Self::State>, out: &mut impl Emit<Self::Out>);

    /// What each remembers beside the states of keys, in their order.
    fn save(&self, saved: &mut Vec<Vec<u8>>);

    /// Gives each what it saved, in their order.
    ///
    /// # Errors
    /// Why one of them cannot take it up, or there is not as much as there are operators.
    fn restore(&mut self, saved: &[Vec<u8>]) -> Result<(), String>;

    /// Shows the arrays of each, in their order.
    fn arrays(&mut self, show: &mut dyn FnMut(&mut dyn Captured));

    /// Figures, caches and notes of all of them.
    fn told(&self, told: &mut Told);
}

/// What operators have to tell at the end.
#[derive(Debug, Default)]
pub struct Told {
    pub(super) measures: Vec<(String, f64)>,
    pub(super) caches: Vec<CacheFigures>,
    pub(super) notes: Vec<String>,
}

impl Told {
    fn hear(&mut self, operator: &impl TryOperator) {
        self.measures.extend(operator.measures());
        self.caches.extend(operator.caches());
        self.notes.extend(operator.notes());
    }
}

impl<T> Emit<T> for Vec<T> {
    #[inline(always)]
    fn emit(&mut self, output: T) {
        self.push(output);
    }
}

/// The operator that is tried first.
pub struct Primary<P>(pub(super) P);

impl<P: TryOperator> Alternates for Primary<P> {
    type In = P::In;
    type State = P::State;
    type Out = P::Out;
    const COUNT: usize = 1;

    #[inline(always)]
    fn run(
        &mut self,
        _: usize,
        key: u64,
        event: &P::In,
        state: &mut P::State,
        out: &mut Vec<P::Out>,
    ) -> Result<Retain, Fault> {
        self.0.try_process(key, event, state, out)
    }

    fn watermark(
        &mut self,
        watermark_ns: u64,
        states: &mut dyn States<P::State>,
        out: &mut impl Emit<P::Out>,
    ) {
        self.0.watermark(watermark_ns, states, out);
    }

    fn end(&mut self, states: &mut dyn States<P::State>, out: &mut impl Emit<P::Out>) {
        self.0.end(states, out);
    }

    fn save(&self, saved: &mut Vec<Vec<u8>>) {
        saved.push(self.0.save());
    }

    fn restore(&mut self, saved: &[Vec<u8>]) -> Result<(), String> {
        match saved {
            [of_primary] => self.0.restore(of_primary),
            _ => Err(format!(
                "{} operators saved something, and here is one",
                saved.len()
            )),
        }
    }

    fn arrays(&mut self, show: &mut dyn FnMut(&mut dyn Captured)) {
        self.0.arrays(show);
    }

    fn told(&self, told: &mut Told) {
        told.hear(&self.0);
    }
}

/// Some operators, and one more behind them.
pub struct Otherwise<C, A> {
    pub(super) before: C,
    pub(super) alternate: A,
}

impl<C, A> Alternates for Otherwise<C, A>
where
    C: Alternates,
    A: TryOperator<In = C::In, State = C::State, Out = C::Out>,
{
    type In = C::In;
    type State = C::State;
    type Out = C::Out;
    const COUNT: usize = C::COUNT + 1;

    #[inline(always)]
    fn run(
        &mut self,
        number: usize,
        key: u64,
        event: &C::In,
        state: &mut C::State,
        out: &mut Vec<C::Out>,
    ) -> Result<Retain, Fault> {
        if number < C::COUNT {
            self.before.run(number, key, event, state, out)
        } else {
            self.alternate.try_process(key, event, state, out)
        }
    }

    fn watermark(
        &mut self,
        watermark_ns: u64,
        states: &mut dyn States<C::State>,
        out: &mut impl Emit<C::Out>,
    ) {
        self.before.watermark(watermark_ns, states, out);
    }

    fn end(&mut self, states: &mut dyn States<C::State>, out: &mut impl Emit<C::Out>) {
        self.before.end(states, out);
    }

    fn save(&self, saved: &mut Vec<Vec<u8>>) {
        self.before.save(saved);
        saved.push(self.alternate.save());
    }

    fn restore(&mut self, saved: &[Vec<u8>]) -> Result<(), String> {
        let Some((last, before)) = saved.split_last() else {
            return Err("nothing was saved of a recovery block".into());
        };
        self.before.restore(before)?;
        self.alternate.restore(last)
    }

    fn arrays(&mut self, show: &mut dyn FnMut(&mut dyn Captured)) {
        self.before.arrays(show);
        self.alternate.arrays(show);
    }

    fn told(&self, told: &mut Told) {
        self.before.told(told);
        told.hear(&self.alternate);
    }
}
