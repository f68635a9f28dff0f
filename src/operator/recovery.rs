//! Recovery blocks (Randell 1975): an operator with alternates and an acceptance test.
//!
//! ```text
//!   ensure  test                      save the state of the key
//!   by      primary                   ─► run; error, panic or test says no?
//!   else by alternate 1                    yes ─► put the state back, drop the outputs, next alternate
//!   else by alternate 2                    no  ─► hand on the outputs, done
//!   else    policy                    ─► retry │ skip │ dead letter │ stop
//! ```
//!
//! The undo log of an event is one entry: the bytes of its key's state, saved on the stack before the event.
//! Outputs are kept in one buffer, reused for all events, until the result is accepted. Nothing is allocated
//! for an event that succeeds. Whether the key was there before is known to the table, and undone by it.
//!
//! What is not rolled back: an operator's own fields (caches, counters), and the world outside. An operator
//! that changes its fields before it may fail must be able to go on from there.
//!
//! A stage whose operator is no recovery block has nothing of this in its code ([`Operator::GUARDED`]).

use super::alternates::{Alternates, Otherwise, Primary, Told};
use super::fallible::{Fault, TryOperator};
use super::{Emit, Operator, Retain};
use crate::failure::{Guard, Policy, RawEvent, Turn, Verdict, catch};
use crate::state::{Captured, States};
use crate::task::CacheFigures;
use bytemuck::NoUninit;

/// Outputs of one event that cost no allocation.
const OUTPUTS: usize = 64;

/// An acceptance test: looks at an event, the new state of its key and what was put out.
pub trait Acceptance<C: Alternates>: Send + 'static {
    /// Whether the result may stand.
    fn accepts(&mut self, event: &C::In, state: &C::State, outputs: &[C::Out]) -> bool;
}

/// Where there is no test: what neither fails nor panics may stand.
#[derive(Clone, Copy, Debug)]
pub struct NoTest;

impl<C: Alternates> Acceptance<C> for NoTest {
    #[inline(always)]
    fn accepts(&mut self, _: &C::In, _: &C::State, _: &[C::Out]) -> bool {
        true
    }
}

impl<C: Alternates, F> Acceptance<C> for F
where
    F: FnMut(&C::In, &C::State, &[C::Out]) -> bool + Send + 'static,
{
    #[inline(always)]
    fn accepts(&mut self, event: &C::In, state: &C::State, outputs: &[C::Out]) -> bool {
        self(event, state, outputs)
    }
}

/// Made by [`recovery_block`].
pub struct RecoveryBlock<C: Alternates, T = NoTest> {
    alternates: C,
    test: T,
    outputs: Vec<C::Out>,
    guard: Guard<C::In>,
}

/// A recovery block around `primary`. An event at which it fails, by an error, a panic or a result that the
/// acceptance test rejects, leaves no trace in the state of its key and puts nothing out; the next alternate
/// takes it. When none is left, the policy decides.
///
/// ```
/// use millstream::failure::Policy;
/// use millstream::operator::{recovery_block, try_update, update};
/// use millstream::prelude::*;
///
/// # fn main() -> Result<(), FlowError> {
/// /// Mean so far, in integers; refuses negative readings.
/// fn mean(reading: &i64, (sum, count): (&mut i64, &mut i64)) -> Result<i64, &'static str> {
///     *sum += reading;
///     *count += 1;
///     if *reading < 0 { Err("a negative reading") } else { Ok(*sum / *count) }
/// }
///
/// let options = Options { cores: 1, partitions: 2, ..Options::default() };
/// let outcome = Flow::new(options)
///     .source("readings", Iter::new([4, -1, 6, 1000].into_iter()))
///     .partition_by(|_: &i64| 7)
///     .keyed("mean", |_| {
///         recovery_block(try_update(|reading: &i64, state: &mut [i64; 2]| {
///             let [sum, count] = state;
///             mean(reading, (sum, count))
///         }))
///         .otherwise(update(|_: &i64, state: &mut [i64; 2]| state[0] / state[1].max(1)))
///         .accept(|_, state: &[i64; 2], _| state[0] < 1000)
///         .on_failure(Policy::skip())
///     })
///     .sink(|_| Collect::default())
///     .run()?;
/// let means: Vec<i64> = outcome.sinks.into_iter().flat_map(|sink| sink.results).collect();
/// assert_eq!(means, [4, 4, 5, 5], "the alternate answers with the mean as it was");
/// # Ok(())
/// # }
/// ```
pub fn recovery_block<P: TryOperator>(primary: P) -> RecoveryBlock<Primary<P>> {
    RecoveryBlock {
        alternates: Primary(primary),
        test: NoTest,
        outputs: Vec::with_capacity(OUTPUTS),
        guard: Guard::default(),
    }
}

impl<C: Alternates, T> RecoveryBlock<C, T> {
    /// An operator that takes the events at which all before it fail.
    pub fn otherwise<A>(self, alternate: A) -> RecoveryBlock<Otherwise<C, A>, T>
    where
        A: TryOperator<In = C::In, State = C::State, Out = C::Out>,
    {
        RecoveryBlock {
            alternates: Otherwise {
                before: self.alternates,
                alternate,
            },
            test: self.test,
            outputs: self.outputs,
            guard: self.guard,
        }
    }

    /// The acceptance test: given the event, the new state of its key and the outputs, says whether the
    /// result may stand. The last one given counts.
    pub fn accept<F>(self, test: F) -> RecoveryBlock<C, F>
    where
        F: FnMut(&C::In, &C::State, &[C::Out]) -> bool + Send + 'static,
    {
        RecoveryBlock {
            alternates: self.alternates,
            test,
            outputs: self.outputs,
            guard: self.guard,
        }
    }

    /// What is done when all have failed; else what the options of the flow say, which is to stop.
    pub fn on_failure(mut self, policy: Policy) -> Self {
        self.guard.own_policy(policy);
        self
    }

    /// Has dead letters carry the bytes of the event, beside its text.
    pub fn with_raw_bytes(mut self) -> Self
    where
        C::In: NoUninit,
    {
        self.guard.raw = Some(|event| RawEvent {
            layout: std::any::type_name::<C::In>(),
            bytes: bytemuck::bytes_of(event).to_vec(),
        });
        self
    }
}

impl<C: Alternates, T: Acceptance<C>> RecoveryBlock<C, T> {
    /// Lets one of them try; its outputs are in `outputs` if it succeeds.
    #[inline(always)]
    fn try_one(
        &mut self,
        number: usize,
        key: u64,
        event: &C::In,
        state: &mut C::State,
    ) -> Result<Retain, Box<str>> {
        let RecoveryBlock {
            alternates,
            test,
            outputs,
            guard,
            ..
        } = self;
        let tried = catch(|| {
            if number == 0
                && let Some(drill) = guard.drill()
            {
                drill.strike(event);
            }
            let retain = alternates.run(number, key, event, state, outputs)?;
            Ok::<_, Fault>((retain, test.accepts(event, state, outputs)))
        });
        match tried {
            Ok(Ok((retain, true))) => Ok(retain),
            Ok(Ok((_, false))) => Err("the acceptance test rejected the result".into()),
            Ok(Err(fault)) => Err(fault.to_string().into()),
            Err(panic) => Err(panic),
        }
    }

    /// The alternates, after the primary has failed because of `reason`. `state` is back to what it was.
    #[cold]
    #[inline(never)]
    fn try_others(
        &mut self,
        key: u64,
        event: &C::In,
        state: &mut C::State,
        mut reason: Box<str>,
    ) -> Result<Retain, Box<str>> {
        let before = *state;
        self.guard.counts.failures += 1;
        self.outputs.clear();
        for number in 1..C::COUNT {
            match self.try_one(number, key, event, state) {
                Ok(retain) => {
                    self.guard.counts.alternates += 1;
                    return Ok(retain);
                }
                Err(other) => reason = other,
            }
            self.guard.counts.failures += 1;
            *state = before;
            self.outputs.clear();
        }
        Err(reason)
    }

    /// Lets all of them try; the state is as it was if none succeeds.
    #[inline(always)]
    fn try_all(
        &mut self,
        key: u64,
        event: &C::In,
        state: &mut C::State,
    ) -> Result<Retain, Box<str>> {
        let before = *state;
        match self.try_one(0, key, event, state) {
            Ok(retain) => Ok(retain),
            Err(reason) => {
                *state = before;
                self.try_others(key, event, state, reason)
            }
        }
    }

    #[inline(always)]
    fn hand_on(&mut self, out: &mut impl Emit<C::Out>) {
        self.outputs.drain(..).for_each(|output| out.emit(output));
    }
}

impl<C: Alternates, T: Acceptance<C>> Operator for RecoveryBlock<C, T> {
    type In = C::In;
    type State = C::State;
    type Out = C::Out;

    const GUARDED: bool = true;

    /// Inside another block: what none can do is that block's to deal with.
    fn process(
        &mut self,
        key: u64,
        event: &C::In,
        state: &mut C::State,
        out: &mut impl Emit<C::Out>,
    ) -> Retain {
        match self.try_all(key, event, state) {
            Ok(retain) => {
                self.hand_on(out);
                retain
            }
            Err(reason) => panic!("all alternates failed, at last: {reason}"),
        }
    }

    #[inline(always)]
    fn attempt(
        &mut self,
        turn: Turn,
        event: &C::In,
        state: &mut C::State,
        out: &mut impl Emit<C::Out>,
    ) -> Verdict {
        if !self.guard.admit(turn, event) {
            return Verdict::Undone;
        }
        match self.try_all(turn.key, event, state) {
            Ok(retain) => {
                self.hand_on(out);
                match retain {
                    Retain::Keep => Verdict::Keep,
                    Retain::Remove => Verdict::Remove,
                }
            }
            Err(reason) => self.guard.failed(turn, event, reason),
        }
    }

    fn guard(&mut self) -> Option<&mut Guard<C::In>> {
        Some(&mut self.guard)
    }

    fn watermark(
        &mut self,
        watermark_ns: u64,
        states: &mut dyn States<C::State>,
        out: &mut impl Emit<C::Out>,
    ) {
        self.alternates.watermark(watermark_ns, states, out);
    }

    fn end(&mut self, states: &mut dyn States<C::State>, out: &mut impl Emit<C::Out>) {
        self.alternates.end(states, out);
    }

    fn save(&self) -> Vec<u8> {
        let mut saved = Vec::with_capacity(C::COUNT);
        self.alternates.save(&mut saved);
        // Of operators that remember nothing nothing is saved, as without a block around them.
        if saved.iter().all(Vec::is_empty) {
            return Vec::new();
        }
        if let [of_primary] = &mut saved[..] {
            return std::mem::take(of_primary);
        }
        postcard::to_stdvec(&saved).expect("plain bytes can be written")
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        if saved.is_empty() {
            return Ok(());
        }
        if C::COUNT == 1 {
            return self.alternates.restore(&[saved.to_vec()]);
        }
        let saved: Vec<Vec<u8>> = postcard::from_bytes(saved).map_err(|error| error.to_string())?;
        self.alternates.restore(&saved)
    }

    fn arrays(&mut self, show: &mut dyn FnMut(&mut dyn Captured)) {
        self.alternates.arrays(show);
    }

    fn measures(&self) -> Vec<(String, f64)> {
        self.told().measures
    }

    fn caches(&self) -> Vec<CacheFigures> {
        self.told().caches
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.told().notes;
        notes.extend(self.guard.notes());
        notes
    }
}

impl<C: Alternates, T> RecoveryBlock<C, T> {
    fn told(&self) -> Told {
        let mut told = Told::default();
        self.alternates.told(&mut told);
        told
    }
}
