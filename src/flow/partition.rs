//! One partition of a keyed stage: which kind of state the options ask for, and the task around it.
//!
//! ```text
//!   state.memory   none                     bounded
//!   no ttl         Keyed<Forever>           Bounded<policy, None>
//!   ttl            Keyed<Ttl>               Bounded<policy, Some(Ttl)>
//! ```

use super::failure::{equip, wants_block};
use super::options::{Order, StatePolicy};
use super::plan::{FlowError, Plan};
use super::restored::Share;
use crate::event::Event;
use crate::failure::EventTime;
use crate::operator::{
    Bounded, KeyOf, Keyed, Logic, Operator, Stage, StageName, Tiers, recovery_block,
};
use crate::partition::{Content, NoContent, OwnerOfKeys, SideInlet};
use crate::ring::Inlet;
use crate::state::hot::{Clock, S3Fifo};
use crate::state::{Forever, Hot, SetPolicy, Table, TableShape, Ttl};
use crate::task::{Downstream, Task};
use std::any::TypeId;
use std::num::NonZeroU64;

/// What a partition of a keyed stage is made of.
pub(super) struct Partition<Op: Operator, K, W, D> {
    pub(super) name: StageName,
    pub(super) inlets: Vec<Inlet<Op::In>>,
    pub(super) down: D,
    pub(super) operator: Op,
    pub(super) key: K,
    pub(super) event_time_ns: W,
    /// Partitions of the stage.
    pub(super) partitions: usize,
    /// Its state as a restored run finds it.
    pub(super) table: Option<Table<Op::State>>,
    /// Which partition a key belongs to, where its key alone decides.
    pub(super) owner: Option<OwnerOfKeys>,
    /// Where its keys may be split: how their states come and go.
    pub(super) side_lane: Option<SideInlet<Op::State>>,
}

impl<Op, K, W, D> Partition<Op, K, W, D>
where
    Op: Operator,
    K: KeyOf<Op::In>,
    W: Content<Op::In> + Clone + Send + 'static,
    D: Downstream<Op::Out> + 'static,
{
    /// The task, as the options ask for it.
    pub(super) fn task(mut self, plan: &mut Plan) -> Result<Box<dyn Task>, FlowError> {
        if wants_block::<Op>(&plan.options) {
            let raw = Op::raw_event();
            let mut guarded = Partition {
                name: self.name,
                inlets: self.inlets,
                down: self.down,
                operator: recovery_block(self.operator),
                key: self.key,
                event_time_ns: self.event_time_ns,
                partitions: self.partitions,
                table: self.table,
                owner: self.owner,
                side_lane: self.side_lane,
            };
            if let Some(guard) = guarded.operator.guard() {
                guard.raw = raw;
            }
            guarded.equip(plan)?;
            return guarded.kept(plan);
        }
        if Op::GUARDED {
            self.equip(plan)?;
        }
        self.kept(plan)
    }

    fn equip(&mut self, plan: &mut Plan) -> Result<(), FlowError> {
        let time = self.event_time_ns.clone();
        let knows = TypeId::of::<W>() != TypeId::of::<NoContent>();
        let time: Option<EventTime<Op::In>> = if knows {
            Some(Box::new(move |event| time.number(event)))
        } else {
            None
        };
        equip(&mut self.operator, &self.name, time, plan)
    }

    /// The task with the kind of state that the options ask for.
    fn kept(mut self, plan: &mut Plan) -> Result<Box<dyn Task>, FlowError> {
        let ttl = self.ttl(plan)?;
        if plan.options.state_memory_bytes > 0 {
            return match plan.options.state_policy {
                StatePolicy::S3Fifo => self.bounded::<S3Fifo>(plan, ttl),
                StatePolicy::Clock => self.bounded::<Clock>(plan, ttl),
            };
        }
        let (table, watermark_ns) = self.table(plan)?;
        let start = (plan.options.order, watermark_ns);
        let Partition {
            name,
            inlets,
            down,
            operator,
            key,
            side_lane,
            ..
        } = self;
        Ok(match ttl {
            None => {
                let logic = Keyed::new(operator, key, table, Forever).split(side_lane);
                staged(name, inlets, logic, down, start)
            }
            Some(ttl) => {
                let logic = Keyed::new(operator, key, table, ttl);
                staged(name, inlets, logic, down, start)
            }
        })
    }

    /// The table, with what a restored run finds in it, connected to checkpoints if there are any; and the
    /// watermark to go on from.
    fn table(&mut self, plan: &mut Plan) -> Result<(Table<Op::State>, u64), FlowError> {
        let (name, partitions) = (&self.name, self.partitions);
        let Some(parts) = &plan.parts else {
            return Ok((plan.table(0)?, 0));
        };
        let share = parts.share(name, partitions, size_of::<Op::State>())?;
        let mut table = match self.table.take() {
            Some(table) => table,
            None => plan.table(0)?,
        };
        let mut watermark_ns = 0;
        if let Some(share) = share {
            watermark_ns = share.watermark_ns();
            resume(&mut self.operator, &share, name)?;
        }
        if let Some(parts) = &mut plan.parts {
            let port = parts.stage(name, partitions, Some(TableShape::of::<Op::State>()));
            table.connect(port).map_err(FlowError::Helper)?;
            parts.arrays(&mut self.operator, name, partitions)?;
        }
        Ok((table, watermark_ns))
    }

    /// Fills `tiers` with what a restored run finds in them; the watermark to go on from.
    fn refill<P: SetPolicy>(
        &mut self,
        tiers: &mut Tiers<Op::State, P>,
        plan: &Plan,
    ) -> Result<u64, FlowError> {
        let (name, partitions) = (&self.name, self.partitions);
        let parts = plan.parts.as_ref();
        let share = parts.map(|parts| parts.share(name, partitions, size_of::<Op::State>()));
        let Some(share) = share.transpose()?.flatten() else {
            return Ok(0);
        };
        share.entries_of(name, &self.owner, |key, stamp, value| {
            tiers.restore(key, stamp, value)
        })?;
        resume(&mut self.operator, &share, name)?;
        Ok(share.watermark_ns())
    }

    fn ttl(&self, plan: &Plan) -> Result<Option<Ttl<W>>, FlowError> {
        let Some(ttl_ns) = NonZeroU64::new(plan.options.state_ttl_ns) else {
            return Ok(None);
        };
        if TypeId::of::<W>() == TypeId::of::<NoContent>() {
            return Err(FlowError::NoEventTime {
                stage: self.name.name.clone(),
            });
        }
        Ok(Some(Ttl::new(ttl_ns, self.event_time_ns.clone())))
    }

    fn bounded<P: SetPolicy + 'static>(
        mut self,
        plan: &mut Plan,
        ttl: Option<Ttl<W>>,
    ) -> Result<Box<dyn Task>, FlowError> {
        let share_bytes = plan.options.state_memory_bytes / plan.tables.max(1) as u64;
        let hot = Hot::<Op::State, P>::new(share_bytes as usize)?;
        let cold = plan.cold::<Op::State>(&self.name, self.partitions)?;
        let mut tiers = Tiers::new(hot, cold.tier);
        let watermark_ns = self.refill(&mut tiers, plan)?;
        if let Some((hot, log)) = cold.ports {
            tiers.connect(hot, log);
        }
        if let Some(parts) = &mut plan.parts {
            parts.arrays(&mut self.operator, &self.name, self.partitions)?;
        }
        let logic = Bounded::new(
            self.operator,
            self.key,
            tiers,
            ttl,
            cold.reads_max,
            cold.inline,
        );
        let order = plan.options.order;
        let logic = match order {
            Order::Arrival => logic,
            Order::Deterministic => logic.in_order(),
        };
        Ok(staged(
            self.name,
            self.inlets,
            logic,
            self.down,
            (order, watermark_ns),
        ))
    }
}

/// Has `operator` take up what the operators of `share` saved.
fn resume<Op: Operator>(
    operator: &mut Op,
    share: &Share<'_>,
    name: &StageName,
) -> Result<(), FlowError> {
    share.operators().try_for_each(|saved| {
        let restored = operator.restore(saved);
        restored.map_err(|reason| FlowError::Restore {
            part: format!("stage {}", name.name),
            reason,
        })
    })
}

/// A task around `logic` that takes its inputs in `order`.
pub(super) fn staged<T: Event, L, D>(
    name: StageName,
    inlets: Vec<Inlet<T>>,
    logic: L,
    down: D,
    (order, watermark_ns): (Order, u64),
) -> Box<dyn Task>
where
    L: Logic<In = T> + 'static,
    D: Downstream<L::Out> + 'static,
{
    let stage = Stage::new(name, inlets, logic, down).starting_at(watermark_ns);
    Box::new(match order {
        Order::Arrival => stage,
        Order::Deterministic => stage.ordered(),
    })
}
