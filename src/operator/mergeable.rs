//! Operators whose state can be folded and merged apart from them, so that a hot key can be split.

use super::Operator;
use crate::partition::Fold;
use std::marker::PhantomData;

/// An operator whose state comes from its events alone, one after the other: a sum, a count, a maximum, a
/// sketch. The events of such a key can go through several partitions, each going on where another left off.
///
/// Required: from equal states, [`Mergeable::fold`] and [`Operator::process`] make equal states of an event;
/// `process` always keeps the key, and what it puts out depends on event and state alone; and merging is
/// folding:
///
/// ```text
///   merge(fold(events 1…n), fold(from zero, events n+1…m))  =  fold(events 1…m)
/// ```
///
/// `fold` must take any event on any state: those of keys that are not split are folded together and thrown away,
/// some hundreds at a time, since that is cheaper than to tell them apart.
///
/// Watermarks and the end may not look at states: while a key is split, a partition may have an older one.
pub trait Mergeable: Operator {
    /// Adds `event` to `state`.
    fn fold(event: &Self::In, state: &mut Self::State);

    /// Adds what later events came to, from nothing.
    fn merge(state: &mut Self::State, later: &Self::State);
}

/// What can be said of a stage's operator at compile time: whether its keys can be split.
pub trait Splitting<Op: Operator>: 'static {
    /// They can.
    const CAN: bool;
    /// How, where they can.
    type Fold: Fold<Op::In, Op::State>;
}

/// Keys of the stage are never split.
#[derive(Clone, Copy, Debug)]
pub struct Whole;

/// Keys of the stage can be split.
#[derive(Clone, Copy, Debug)]
pub struct Split;

/// Folds as an operator does.
#[derive(Debug)]
pub struct FoldOf<Op>(PhantomData<fn() -> Op>);

impl<Op> Clone for FoldOf<Op> {
    fn clone(&self) -> Self {
        FoldOf(PhantomData)
    }
}

/// Where nothing is folded.
#[derive(Clone, Debug)]
pub struct NoFold;

impl<T, S> Fold<T, S> for NoFold {
    fn fold(_: &T, _: &mut S) {}
    fn merge(_: &mut S, _: &S) {}
}

impl<Op: Mergeable> Fold<Op::In, Op::State> for FoldOf<Op> {
    #[inline(always)]
    fn fold(event: &Op::In, state: &mut Op::State) {
        Op::fold(event, state);
    }

    #[inline]
    fn merge(state: &mut Op::State, later: &Op::State) {
        Op::merge(state, later);
    }
}

impl<Op: Operator> Splitting<Op> for Whole {
    const CAN: bool = false;
    type Fold = NoFold;
}

impl<Op: Mergeable> Splitting<Op> for Split {
    const CAN: bool = true;
    type Fold = FoldOf<Op>;
}
