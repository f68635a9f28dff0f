//! The builder: a stream of events, and what can be done with it.

use super::job::Job;
use super::options::Options;
use super::stages::{Build, Filtered, FlatMapped, FromSource, KeyedStage, Mapped, SpreadStage};
use crate::event::Event;
use crate::exchange::Balancer;
use crate::operator::{KeyOf, Mergeable, Operator, Split, Whole};
use crate::partition::{Content, NoContent, Partitioning, Scheme};
use crate::sink::Sink;
use crate::source::Source;
use std::marker::PhantomData;

/// The start of a flow.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    options: Options,
}

impl Flow {
    /// A flow that will run with `options`.
    pub fn new(options: Options) -> Self {
        Flow { options }
    }

    /// Takes its events from `source`.
    pub fn source<S: Source>(self, name: &str, source: S) -> Stream<FromSource<S>> {
        Stream {
            options: self.options,
            build: FromSource {
                name: name.to_owned(),
                source,
            },
        }
    }
}

/// A stream of events on its way.
pub struct Stream<B> {
    options: Options,
    build: B,
}

impl<B: Build> Stream<B> {
    /// Lets through what `accept` accepts; the rest is counted as filtered.
    pub fn filter<F>(self, accept: F) -> Stream<Filtered<B, F>>
    where
        F: FnMut(&B::Out) -> bool + Clone + Send + 'static,
    {
        Stream {
            options: self.options,
            build: Filtered {
                before: self.build,
                accept,
            },
        }
    }

    /// Turns each event into another.
    pub fn map<U: Event, F>(self, apply: F) -> Stream<Mapped<B, F, U>>
    where
        F: FnMut(B::Out) -> U + Clone + Send + 'static,
    {
        let build = Mapped {
            before: self.build,
            apply,
            made: PhantomData,
        };
        Stream {
            options: self.options,
            build,
        }
    }

    /// Turns each event into any number of others: `apply` is given the event and a function to call with
    /// each of them.
    pub fn flat_map<U: Event, F>(self, apply: F) -> Stream<FlatMapped<B, F, U>>
    where
        F: FnMut(B::Out, &mut dyn FnMut(U)) + Clone + Send + 'static,
    {
        let build = FlatMapped {
            before: self.build,
            apply,
            made: PhantomData,
        };
        Stream {
            options: self.options,
            build,
        }
    }

    /// Sends each event to the partition of its key, behind an exchange. All events of a key meet in one
    /// partition, in order.
    pub fn partition_by<K: KeyOf<B::Out>>(self, key: K) -> KeyedStream<B, K, NoContent, NoContent> {
        KeyedStream {
            options: self.options,
            build: self.build,
            key,
            event_time_ns: NoContent,
            partitioning: Partitioning::default(),
            content: NoContent,
        }
    }

    /// Spreads events evenly over partitions, behind an exchange, for work that needs no state.
    pub fn spread(self, name: &str) -> Stream<SpreadStage<B>> {
        self.spread_by(name, Balancer::RoundRobin)
    }

    /// Shares events out over partitions as `balancer` says, behind an exchange, for work that needs no state.
    pub fn spread_by(self, name: &str, balancer: Balancer) -> Stream<SpreadStage<B>> {
        Stream {
            options: self.options,
            build: SpreadStage {
                before: self.build,
                name: name.to_owned(),
                balancer,
            },
        }
    }

    /// Ends the flow: `make` makes a sink for each partition of the last stage.
    pub fn sink<S, M>(self, make: M) -> Job<B, S, M>
    where
        S: Sink<B::Out>,
        M: FnMut(usize) -> S,
    {
        Job::new(self.options, self.build, make)
    }
}

/// A stream whose events know their partition; a keyed operator comes next.
pub struct KeyedStream<B, K, C, W> {
    options: Options,
    build: B,
    key: K,
    event_time_ns: W,
    partitioning: Partitioning,
    content: C,
}

impl<B, K, C, W> KeyedStream<B, K, C, W>
where
    B: Build,
    K: KeyOf<B::Out>,
    C: Content<B::Out> + Clone + Send + 'static,
    W: Content<B::Out> + Clone + Send + 'static,
{
    /// Chooses partitions as `partitioning` says, its number of partitions aside, which the options give.
    /// Under `random` and `time` a key has state in several partitions, each of its own.
    pub fn partitioning(mut self, partitioning: Partitioning) -> Self {
        self.partitioning = partitioning;
        self
    }

    /// Tells the scheme `time` the event time of an event, ns.
    pub fn event_time<W2>(self, event_time_ns: W2) -> KeyedStream<B, K, C, W2>
    where
        W2: Content<B::Out> + Clone + Send + 'static,
    {
        let KeyedStream {
            options,
            build,
            key,
            partitioning,
            content,
            ..
        } = self;
        KeyedStream {
            options,
            build,
            key,
            event_time_ns,
            partitioning,
            content,
        }
    }

    /// Chooses partitions by a number that `content` finds in each event.
    pub fn by_content<C2>(self, content: C2) -> KeyedStream<B, K, C2, W>
    where
        C2: Content<B::Out> + Clone + Send + 'static,
    {
        let KeyedStream {
            options,
            build,
            key,
            event_time_ns,
            partitioning,
            ..
        } = self;
        let partitioning = Partitioning {
            scheme: Scheme::Content,
            ..partitioning
        };
        KeyedStream {
            options,
            build,
            key,
            event_time_ns,
            partitioning,
            content,
        }
    }

    /// Processes each event with the state of its key. `make` makes the operator of each partition.
    pub fn keyed<Op, M>(self, name: &str, make: M) -> Stream<KeyedStage<B, K, C, W, M, Whole>>
    where
        Op: Operator<In = B::Out>,
        M: FnMut(usize) -> Op,
    {
        self.staged(name, make)
    }

    /// The same for an operator whose state can be merged: with
    /// [`Options::split_hot`](super::Options::split_hot) the events of a hot key go to several partitions.
    /// Every result is as it would be without; but those of a split key come by several sinks, in no order.
    pub fn keyed_mergeable<Op, M>(
        self,
        name: &str,
        make: M,
    ) -> Stream<KeyedStage<B, K, C, W, M, Split>>
    where
        Op: Mergeable<In = B::Out>,
        M: FnMut(usize) -> Op,
    {
        self.staged(name, make)
    }

    fn staged<M, H>(self, name: &str, make: M) -> Stream<KeyedStage<B, K, C, W, M, H>> {
        let build = KeyedStage {
            before: self.build,
            name: name.to_owned(),
            key: self.key,
            event_time_ns: self.event_time_ns,
            partitioning: self.partitioning,
            content: self.content,
            make,
            splitting: PhantomData,
        };
        Stream {
            options: self.options,
            build,
        }
    }
}
