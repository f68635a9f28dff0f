//! Operators: what runs inside a stage, and the task that runs it.
mod alternates;
mod bounded;
mod deferral;
mod fallible;
mod finish;
mod fused;
mod gathered;
mod held;
mod keyed;
mod logic;
mod merge;
mod mergeable;
mod parked;
mod pauses;
mod places;
mod recovery;
mod relay;
mod stage;
mod tiers;
mod update;
mod waiting;
mod work;
pub use alternates::{Alternates, Otherwise, Primary, Told};
pub use bounded::Bounded;
pub use fallible::{Fault, TryOperator, TryUpdate, try_update};
pub use fused::{Filter, FlatMap, Map};
pub use keyed::{KeyOf, Keyed};
pub use logic::Logic;
pub use mergeable::{Mergeable, Split, Splitting, Whole};
pub use recovery::{Acceptance, NoTest, RecoveryBlock, recovery_block};
pub use relay::Relay;
pub use stage::{Stage, StageName};
pub use tiers::Tiers;
pub use update::{Update, update};

use crate::event::{Due, Event};
use crate::failure::{Guard, Policy, RawEvent, Turn, Verdict};
use crate::state::{Captured, States};
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

    /// What it remembers beside the states of its keys, for a checkpoint. Called at a barrier, on the core, and
    /// events wait for it: keep it below some KiB, and what is larger in [arrays](Operator::arrays).
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes up what an operator of an earlier run has saved, before the first event. Called once for each
    /// of its partitions then, of which there may be more or fewer than now.
    ///
    /// # Errors
    /// Why it cannot.
    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        if saved.is_empty() {
            return Ok(());
        }
        Err("this operator remembers nothing of an earlier run".into())
    }

    /// Shows what it keeps in [arrays](crate::state::Array), always the same ones in the same order: they are
    /// captured with the states of its keys, as they were at the barrier, while events go on. An operator in a
    /// recovery block shows them as well; they are not rolled back.
    fn arrays(&mut self, show: &mut dyn FnMut(&mut dyn Captured)) {
        let _ = show;
    }

    /// Named figures, added up over partitions.
    fn measures(&self) -> Vec<(String, f64)> {
        Vec::new()
    }

    /// What the caches of this operator counted; the report shows them by stage and by partition.
    ///
    /// An operator that makes results which are dear to make and stay true for a while may keep them in a
    /// [`Cache`](crate::cache::Cache), one in each partition:
    ///
    /// ```
    /// use millstream::cache::{Cache, Policy, S3Fifo};
    /// use millstream::operator::{Emit, Operator, Retain};
    /// use millstream::source::trace::native::KeyedRecord;
    /// use millstream::task::CacheFigures;
    ///
    /// /// Tells how far the largest value of a key is along a curve that takes long to compute.
    /// struct Curve {
    ///     points: Cache<i64, S3Fifo>,
    /// }
    ///
    /// impl Operator for Curve {
    ///     type In = KeyedRecord;
    ///     type State = i64;
    ///     type Out = i64;
    ///
    ///     fn process(
    ///         &mut self,
    ///         key: u64,
    ///         record: &KeyedRecord,
    ///         largest: &mut i64,
    ///         out: &mut impl Emit<i64>,
    ///     ) -> Retain {
    ///         if record.value > *largest {
    ///             *largest = record.value;
    ///             self.points.invalidate(key); // what was computed is no longer true
    ///         }
    ///         let point = match self.points.get(key) {
    ///             Some(&point) => point,
    ///             None => {
    ///                 let point = (1..=*largest).map(|x| x * x).sum();
    ///                 self.points.insert(key, point);
    ///                 point
    ///             }
    ///         };
    ///         out.emit(point);
    ///         Retain::Keep
    ///     }
    ///
    ///     fn caches(&self) -> Vec<CacheFigures> {
    ///         let counted = self.points.counts();
    ///         vec![CacheFigures {
    ///             name: "points",
    ///             policy: <S3Fifo as Policy>::NAME,
    ///             capacity_slots: self.points.capacity() as u64,
    ///             len: self.points.len() as u64,
    ///             hits: counted.hits,
    ///             misses: counted.misses,
    ///             evictions: counted.evictions,
    ///             invalidations: counted.invalidations,
    ///             ..CacheFigures::default()
    ///         }]
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use millstream::flow::{Flow, Options};
    /// use millstream::sink::Collect;
    /// use millstream::source::Iter;
    ///
    /// let values = [3, 3, 2, 5, 5].into_iter().zip(0..);
    /// let records = values.map(|(value, ts_ns)| KeyedRecord { key: 7, value, ts_ns });
    /// let options = Options { cores: 1, partitions: 1, ..Options::default() };
    /// let outcome = Flow::new(options)
    ///     .source("values", Iter::new(records))
    ///     .partition_by(|record: &KeyedRecord| record.key)
    ///     .keyed("curve", |_| Curve { points: Cache::new(1_000) })
    ///     .sink(|_| Collect::default())
    ///     .run()?;
    /// let points = &outcome.report.summary.stages[1].caches[0];
    /// assert_eq!((points.hits, points.misses, points.invalidations), (3, 2, 1));
    /// # Ok(())
    /// # }
    /// ```
    fn caches(&self) -> Vec<CacheFigures> {
        Vec::new()
    }

    /// Lines for people.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// This operator with a policy for the events at which it panics: a [`recovery_block`] without
    /// alternates.
    fn on_failure(self, policy: Policy) -> RecoveryBlock<Primary<Self>>
    where
        Self: Sized,
    {
        recovery_block(self).on_failure(policy)
    }

    /// Whether an event may fail and be undone: true of [`RecoveryBlock`] alone. Where it is false, a stage
    /// has no code for it.
    #[doc(hidden)]
    const GUARDED: bool = false;

    /// Processes an event that may fail; if it does, `state` is as it was and nothing was put out.
    #[doc(hidden)]
    #[inline(always)]
    fn attempt(
        &mut self,
        turn: Turn,
        event: &Self::In,
        state: &mut Self::State,
        out: &mut impl Emit<Self::Out>,
    ) -> Verdict {
        match self.process(turn.key, event, state, out) {
            Retain::Keep => Verdict::Keep,
            Retain::Remove => Verdict::Remove,
        }
    }

    /// How the record of a trace that an event stands for is found, so that its dead letter can be replayed.
    /// Events that are such records themselves need no telling.
    #[doc(hidden)]
    fn raw_event() -> Option<fn(&Self::In) -> RawEvent>
    where
        Self: Sized,
    {
        None
    }

    /// What guards its events, if they are.
    #[doc(hidden)]
    fn guard(&mut self) -> Option<&mut Guard<Self::In>> {
        None
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
