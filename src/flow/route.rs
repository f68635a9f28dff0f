//! Routes: the key of an event, and the partition it goes to.

use crate::event::Event;
use crate::exchange::Route;
use crate::operator::KeyOf;
use crate::partition::{Content, NoContent, Partitioner, mum64};

/// By what the configuration says of the key, the time or the content of an event.
#[derive(Clone, Debug)]
pub struct ByKey<K, C = NoContent, W = NoContent> {
    pub(super) key: K,
    pub(super) event_time_ns: W,
    pub(super) partitioner: Partitioner<C>,
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
        let ts_ns = self.event_time_ns.number(event);
        self.partitioner.of(key, mum64(key), event, ts_ns) as usize
    }
}
