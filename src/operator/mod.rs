//! Operators: what runs inside a stage, and the task that runs it.
mod fused;
mod keyed;
mod relay;
mod stage;
mod update;
pub use fused::{Filter, FlatMap, Map};
pub use keyed::{KeyOf, Keyed};
pub use relay::Relay;
pub use stage::{Logic, Stage, StageName};
pub use update::{Update, update};

use crate::event::{Due, Event};
use crate::state::States;
use crate::task::{CacheFigures, Downstream};
use bytemuck::Pod;

/// Whether the state of a key is kept after an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retain {
    /// It is kept.
    Keep,
    /// The key is forgotten.
    Remove,
}

/// Takes the outputs of an operator.
pub trait Emit<T> {
    /// One output; it inherits the due time of the event being processed.
    fn emit(&mut self, output: T);
}

/// What a keyed stage does with an event and the state of its key. One value of it lives in each partition.
pub trait Operator: Send + 'static {
    /// What it takes in.
    type In: Event;
    /// What it remembers of each key: plain bytes, all zero when the key is new.
    type State: Pod + Send;
    /// What it puts out.
    type Out: Event;

    /// Processes one event of `key`.
    fn process(
        &mut self,
        key: u64,
        event: &Self::In,
        state: &mut Self::State,
        out: &mut impl Emit<Self::Out>,
    ) -> Retain;

    /// No event with an event time below `watermark_ns` follows.
    fn watermark(
        &mut self,
        watermark_ns: u64,
        states: &mut dyn States<Self::State>,
        out: &mut impl Emit<Self::Out>,
    ) {
        let _ = (watermark_ns, states, out);
    }

    /// The stream has ended.
    fn end(&mut self, states: &mut dyn States<Self::State>, out: &mut impl Emit<Self::Out>) {
        let _ = (states, out);
    }

    /// Named figures, added up over partitions.
    fn measures(&self) -> Vec<(String, f64)> {
        Vec::new()
    }

    /// What the caches of this operator counted, such as a [`crate::cache::Cache`] of results that are
    /// dear to make; the report shows them by stage and by partition.
    fn caches(&self) -> Vec<CacheFigures> {
        Vec::new()
    }

    /// Lines for people.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Stamps outputs with the due time of their event, and counts them.
#[derive(Debug)]
pub struct Emitter<'a, D> {
    down: &'a mut D,
    due: Due,
    outputs: u64,
}

impl<T, D: Downstream<T>> Emit<T> for Emitter<'_, D> {
    #[inline(always)]
    fn emit(&mut self, output: T) {
        self.outputs += 1;
        self.down.push(self.due, output);
    }
}
