//! Routes: the key of an event, and the partition it goes to.

use crate::event::Event;
use crate::exchange::{Lanes, Route};
use crate::operator::KeyOf;
use crate::partition::{Content, Fold, Heat, NoContent, Partitioner, SplitKey, Splitter, mum64};
use crate::task::{Figures, KeySent, KeysSent};
use bytemuck::Pod;
use std::marker::PhantomData;

/// Keys that a report is told of, for each sender.
const KEYS_TOLD: usize = 32;

/// By what the configuration says of the key, the time or the content of an event.
#[derive(Clone, Debug)]
pub struct ByKey<K, C = NoContent, W = NoContent> {
    pub(super) key: K,
    pub(super) event_time_ns: W,
    pub(super) partitioner: Partitioner<C>,
    pub(super) heat: Heat,
}

impl<K, C, W> ByKey<K, C, W> {
    fn keys_sent(&self, split: &[SplitKey]) -> KeysSent {
        let mut heavy = self.heat.heavy();
        heavy.shorten(KEYS_TOLD);
        let owner = self.partitioner.owner_of_keys();
        let keys = heavy.hitters().iter().map(|hitter| {
            let told = split.iter().find(|told| told.key == hitter.key);
            KeySent {
                key: hitter.key,
                count: hitter.count,
                error: hitter.error,
                partition: owner.as_ref().map(|owner| owner(hitter.key)),
                events_split: told.map_or(0, |told| told.events),
                moves: told.map_or(0, |told| told.moves),
            }
        });
        KeysSent {
            events: heavy.weight(),
            sampled: self.heat.sampled(),
            unlisted_max: heavy.unlisted_max(),
            keys: keys.collect(),
            splits: false,
        }
    }
}

impl<T, K, C, W> Route<T> for ByKey<K, C, W>
where
    T: Event,
    K: KeyOf<T>,
    C: Content<T> + Send,
    W: Content<T> + Send,
{
    #[inline(always)]
    fn partition(&mut self, event: &T) -> usize {
        let key = (self.key)(event);
        let hash = mum64(key);
        let ts_ns = self.event_time_ns.number(event);
        self.heat.note(key, hash);
        self.partitioner.of(key, hash, event, ts_ns) as usize
    }

    fn figures(self, figures: &mut Figures) {
        figures.keys_sent = Some(Box::new(self.keys_sent(&[])));
    }
}

/// The same where the events of a hot key may go to several partitions.
#[derive(Debug)]
pub struct SplitByKey<K, C, W, F, S> {
    pub(super) by: ByKey<K, C, W>,
    pub(super) splitter: Splitter<S>,
    pub(super) fold: PhantomData<fn() -> F>,
}

impl<T, K, C, W, F, S> Route<T> for SplitByKey<K, C, W, F, S>
where
    T: Event,
    K: KeyOf<T>,
    C: Content<T> + Send,
    W: Content<T> + Send,
    F: Fold<T, S>,
    S: Pod + Send,
{
    #[inline(always)]
    fn partition(&mut self, event: &T) -> usize {
        self.by.partition(event)
    }

    #[inline(always)]
    fn lane(&mut self, event: &T, lanes: &mut Lanes<'_, T>) -> usize {
        let by = &mut self.by;
        let key = (by.key)(event);
        let hash = mum64(key);
        let ts_ns = by.event_time_ns.number(event);
        let home = by.partitioner.of(key, hash, event, ts_ns) as usize;
        if let Some(warm) = by.heat.note(key, hash) {
            self.splitter.heed((key, hash), home, warm, lanes);
        }
        self.splitter.lane::<T, F>((key, hash), home, event, lanes)
    }

    fn bring_home(&mut self, lanes: &mut Lanes<'_, T>) {
        self.splitter.bring_home(lanes);
    }

    fn figures(self, figures: &mut Figures) {
        let told: Vec<SplitKey> = self.splitter.told().collect();
        let mut sent = self.by.keys_sent(&told);
        sent.splits = true;
        figures.keys_sent = Some(Box::new(sent));
    }
}
