//! Routes: the key of an event, and the partition it goes to.

use crate::event::{Event, Message};
use crate::exchange::{Lanes, Route};
use crate::operator::KeyOf;
use crate::partition::{
    Content, Fold, Heat, NoContent, Partitioner, SplitKey, Splitter, Warm, mum64,
};
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

    /// The next event of `lane` that is in the sample, if it can be seen.
    #[inline(always)]
    fn sampled<T: Event>(
        &mut self,
        lanes: &Lanes<'_, T>,
        lane: usize,
    ) -> Option<(T, u64, u64, Warm)>
    where
        K: KeyOf<T>,
    {
        let (published, visible) = lanes.visible(lane);
        let at = self.heat.due(lane, published, visible)?;
        lanes.visible_messages(lane)[at..]
            .iter()
            .enumerate()
            .find_map(|(more, message)| match message {
                Message::Event(_, event) => {
                    let key = (self.key)(event);
                    let hash = mum64(key);
                    let at = published + (at + more) as u64;
                    let warm = self.heat.take(lane, at, lanes.markers(lane), (key, hash));
                    Some((*event, key, hash, warm))
                }
                Message::Marker(_) => None,
            })
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
        self.partitioner.of(key, hash, event, ts_ns) as usize
    }

    #[inline(always)]
    fn sample(&mut self, lanes: &mut Lanes<'_, T>) {
        for lane in 0..lanes.count() {
            while self.sampled(lanes, lane).is_some() {}
        }
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
        self.splitter.lane::<T, F>((key, hash), home, event, lanes)
    }

    #[inline(always)]
    fn sample(&mut self, lanes: &mut Lanes<'_, T>) {
        for lane in 0..lanes.count() {
            while let Some((event, key, hash, warm)) = self.by.sampled(lanes, lane) {
                let ts_ns = self.by.event_time_ns.number(&event);
                let home = self.by.partitioner.of(key, hash, &event, ts_ns) as usize;
                self.splitter.heed((key, hash), home, warm, lanes);
            }
        }
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
