//! How each part of a flow becomes tasks: from the sink backwards, since a task's type holds what follows.

use super::lanes::{exchanges, rings};
use super::options::Order;
use super::partition::{Partition, staged};
use super::plan::{FlowError, Plan};
use super::restored::restored_tables;
use super::route::{ByKey, SplitByKey};
use super::split::share_to_split;
use crate::event::Event;
use crate::exchange::{Balance, Balancer, Exchange, WeightsError};
use crate::operator::{Filter, FlatMap, KeyOf, Map, Operator, Relay, Splitting, StageName};
use crate::partition::{
    Content, Heat, NoContent, PartitionError, Partitioning, Scheme, Splitter, side_lane,
};
use crate::source::{Source, SourceTask};
use crate::sys::random::Random;
use crate::task::Downstream;
use std::any::TypeId;
use std::marker::PhantomData;

/// A flow up to some point, able to build its tasks once it is told what follows each of them.
pub trait Build: Sized {
    /// What it puts out.
    type Out: Event;

    /// Tasks of its last stage, each of which needs a downstream.
    fn width(&self, plan: &Plan) -> usize;

    /// Position of its last stage; the source is 0.
    fn stage_index(&self) -> usize;

    /// State tables in it.
    fn tables(&self, plan: &Plan) -> usize;

    /// Adds its tasks to the plan, `downs[p]` behind task `p` of the last stage.
    ///
    /// # Errors
    /// When memory for state cannot be had.
    fn build<D: Downstream<Self::Out> + 'static>(
        self,
        downs: Vec<D>,
        plan: &mut Plan,
    ) -> Result<(), FlowError>;
}

/// A source.
pub struct FromSource<S> {
    pub(super) name: String,
    pub(super) source: S,
}

impl<S: Source> Build for FromSource<S> {
    type Out = S::Event;

    fn width(&self, _: &Plan) -> usize {
        1
    }

    fn stage_index(&self) -> usize {
        0
    }

    fn tables(&self, _: &Plan) -> usize {
        0
    }

    fn build<D: Downstream<S::Event> + 'static>(
        self,
        downs: Vec<D>,
        plan: &mut Plan,
    ) -> Result<(), FlowError> {
        let interval_ns = plan.options.interval_ns;
        // A source is one task, so there is one downstream.
        if let Some(down) = downs.into_iter().next() {
            let mut source = self.source;
            let checkpoints = plan.parts.as_mut().map(|parts| parts.source(&self.name));
            let checkpoints = checkpoints.transpose()?;
            if let Some((_, _, Some(position))) = &checkpoints {
                source.seek(position).map_err(FlowError::Seek)?;
            }
            let task = SourceTask::new(self.name.clone(), source, down, interval_ns)
                .at_most(plan.options.events_max.unwrap_or(u64::MAX));
            let mut task = match plan.options.order {
                Order::Arrival => task,
                Order::Deterministic => task.ordered(),
            };
            if let Some((epoch, checkpoints, _)) = checkpoints {
                task = task.with_checkpoints(epoch, checkpoints);
            }
            plan.add(&self.name, 0, 0, 1, Box::new(task));
        }
        Ok(())
    }
}

/// What fused steps answer alike: they stand in the task before them.
macro_rules! as_before {
    () => {
        fn width(&self, plan: &Plan) -> usize {
            self.before.width(plan)
        }

        fn stage_index(&self) -> usize {
            self.before.stage_index()
        }

        fn tables(&self, plan: &Plan) -> usize {
            self.before.tables(plan)
        }
    };
}

/// A filter.
pub struct Filtered<B, F> {
    pub(super) before: B,
    pub(super) accept: F,
}

impl<B: Build, F> Build for Filtered<B, F>
where
    F: FnMut(&B::Out) -> bool + Clone + Send + 'static,
{
    type Out = B::Out;

    as_before!();

    fn build<D: Downstream<B::Out> + 'static>(
        self,
        downs: Vec<D>,
        plan: &mut Plan,
    ) -> Result<(), FlowError> {
        let fused = downs.into_iter().map(|down| Filter {
            accept: self.accept.clone(),
            down,
            filtered: 0,
        });
        let fused = fused.collect();
        self.before.build(fused, plan)
    }
}

/// A map.
pub struct Mapped<B, F, U> {
    pub(super) before: B,
    pub(super) apply: F,
    pub(super) made: PhantomData<fn() -> U>,
}

impl<B: Build, U: Event, F> Build for Mapped<B, F, U>
where
    F: FnMut(B::Out) -> U + Clone + Send + 'static,
{
    type Out = U;

    as_before!();

    fn build<D: Downstream<U> + 'static>(
        self,
        downs: Vec<D>,
        plan: &mut Plan,
    ) -> Result<(), FlowError> {
        let fused = downs.into_iter().map(|down| Map {
            apply: self.apply.clone(),
            down,
            made: PhantomData,
        });
        let fused = fused.collect();
        self.before.build(fused, plan)
    }
}

/// A flat map.
pub struct FlatMapped<B, F, U> {
    pub(super) before: B,
    pub(super) apply: F,
    pub(super) made: PhantomData<fn() -> U>,
}

impl<B: Build, U: Event, F> Build for FlatMapped<B, F, U>
where
    F: FnMut(B::Out, &mut dyn FnMut(U)) + Clone + Send + 'static,
{
    type Out = U;

    as_before!();

    fn build<D: Downstream<U> + 'static>(
        self,
        downs: Vec<D>,
        plan: &mut Plan,
    ) -> Result<(), FlowError> {
        let fused = downs.into_iter().map(|down| FlatMap {
            apply: self.apply.clone(),
            down,
            filtered: 0,
            expanded: 0,
            made: PhantomData,
        });
        let fused = fused.collect();
        self.before.build(fused, plan)
    }
}

/// A keyed stage behind an exchange.
pub struct KeyedStage<B, K, C, W, M, H> {
    pub(super) before: B,
    pub(super) name: String,
    pub(super) key: K,
    pub(super) event_time_ns: W,
    pub(super) partitioning: Partitioning,
    pub(super) content: C,
    pub(super) make: M,
    pub(super) splitting: PhantomData<fn() -> H>,
}

impl<B, K, C, W, M, H, Op> Build for KeyedStage<B, K, C, W, M, H>
where
    B: Build,
    Op: Operator<In = B::Out>,
    K: KeyOf<B::Out>,
    C: Content<B::Out> + Clone + Send + 'static,
    W: Content<B::Out> + Clone + Send + 'static,
    M: FnMut(usize) -> Op,
    H: Splitting<Op>,
{
    type Out = Op::Out;

    fn width(&self, plan: &Plan) -> usize {
        plan.resolved.partitions
    }

    fn stage_index(&self) -> usize {
        self.before.stage_index() + 1
    }

    fn tables(&self, plan: &Plan) -> usize {
        self.before.tables(plan) + self.width(plan)
    }

    fn build<D: Downstream<Op::Out> + 'static>(
        mut self,
        downs: Vec<D>,
        plan: &mut Plan,
    ) -> Result<(), FlowError> {
        let (width, index) = (downs.len(), self.stage_index());
        let (lanes, inlets) = rings(self.before.width(plan), width, plan.resolved.ring_slots);
        let config = Partitioning {
            partitions: width as u32,
            ..self.partitioning
        };
        if config.scheme == Scheme::Content && TypeId::of::<C>() == TypeId::of::<NoContent>() {
            return Err(PartitionError::NoContent.into());
        }
        let partitioner = config.build_with(plan.options.seed, self.content)?;
        let scheme = partitioner.scheme().to_string();
        let names = (0..width).map(|partition| stage_name(&self.name, index, partition, &scheme));
        let names: Vec<StageName> = names.collect();
        plan.mergeable |= H::CAN;
        let split_from = if H::CAN {
            let senders = self.before.width(plan);
            let keeps_keys = partitioner.keeps_keys();
            share_to_split::<Op>(plan, (&self.name, index), senders, keeps_keys)?
        } else {
            None
        };
        let mut outlets = Vec::with_capacity(width);
        let mut tables = restored_tables(plan, &names, &partitioner.owner_of_keys())?.into_iter();
        for (name, (inlets, down)) in names.into_iter().zip(inlets.into_iter().zip(downs)) {
            let partition = name.partition;
            let ends = split_from.map(|_| side_lane());
            let (outlet, inlet) = ends.unzip();
            outlets.extend(outlet);
            let part = Partition {
                name,
                inlets,
                down,
                operator: (self.make)(partition),
                key: self.key.clone(),
                event_time_ns: self.event_time_ns.clone(),
                partitions: width,
                table: tables.next(),
                owner: partitioner.owner_of_keys(),
                side_lane: inlet,
            };
            let task = part.task(plan)?;
            plan.add(&self.name, index, partition, width, task);
        }
        let route = ByKey {
            key: self.key,
            event_time_ns: self.event_time_ns,
            partitioner,
            heat: Heat::new(width, plan.options.seed),
        };
        let Some(share) = split_from else {
            return self.before.build(exchanges(lanes, &route), plan);
        };
        if !H::CAN {
            return Ok(());
        }
        // There is one sender.
        let route = SplitByKey::<_, _, _, H::Fold, Op::State> {
            by: route,
            splitter: Splitter::new(outlets, share, plan.options.seed),
            fold: PhantomData,
        };
        let lanes = lanes.into_iter().next().unwrap_or_default();
        self.before.build(vec![Exchange::new(lanes, route)], plan)
    }
}

/// A stage without state behind an exchange.
pub struct SpreadStage<B> {
    pub(super) before: B,
    pub(super) name: String,
    pub(super) balancer: Balancer,
}

impl<B: Build> Build for SpreadStage<B> {
    type Out = B::Out;

    fn width(&self, plan: &Plan) -> usize {
        plan.resolved.partitions
    }

    fn stage_index(&self) -> usize {
        self.before.stage_index() + 1
    }

    fn tables(&self, plan: &Plan) -> usize {
        self.before.tables(plan)
    }

    fn build<D: Downstream<B::Out> + 'static>(
        self,
        downs: Vec<D>,
        plan: &mut Plan,
    ) -> Result<(), FlowError> {
        let (width, index) = (downs.len(), self.stage_index());
        if let Balancer::Weighted(weights) = &self.balancer
            && weights.partitions() != width
        {
            let (given, partitions) = (weights.partitions(), width);
            return Err(WeightsError::Count { given, partitions }.into());
        }
        let (lanes, inlets) = rings(self.before.width(plan), width, plan.resolved.ring_slots);
        for (partition, (inlets, down)) in inlets.into_iter().zip(downs).enumerate() {
            let name = stage_name(&self.name, index, partition, self.balancer.word());
            let port = plan
                .parts
                .as_mut()
                .map(|parts| parts.stage(&name, width, None));
            let relay = port.map_or_else(Relay::<B::Out>::default, Relay::through);
            let task = staged(name, inlets, relay, down, (plan.options.order, 0));
            plan.add(&self.name, index, partition, width, task);
        }
        // How full a ring is depends on the moment, and order by chance on that.
        let looks = plan.options.order == Order::Arrival;
        let exchanges = lanes.into_iter().enumerate().map(|(sender, lanes)| {
            let random = Random::stream(plan.options.seed, &format!("balance {index} {sender}"));
            Exchange::new(lanes, Balance::new(&self.balancer, width, random, looks))
        });
        let exchanges = exchanges.collect();
        self.before.build(exchanges, plan)
    }
}

fn stage_name(name: &str, stage_index: usize, partition: usize, partitioner: &str) -> StageName {
    StageName {
        name: name.to_owned(),
        stage_index,
        partition,
        partitioner: partitioner.to_owned(),
    }
}
