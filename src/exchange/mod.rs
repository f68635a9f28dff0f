//! Exchange: the rings between two stages, and the route that chooses one for each event.
//!
//! Owned by the task that sends. Lane `p` leads to partition `p` of the next stage. Markers go to every
//! lane, in order with the events; a probe follows the event it measures down that event's lane only.

mod balancer;
mod tournament;
mod weights;
pub use balancer::{Balance, Balancer};
pub use weights::{Weights, WeightsError};

use crate::event::{Due, Event, Marker, Message};
use crate::ring::Outlet;
use crate::task::{Context, Downstream, Figures};

/// Chooses the partition of an event.
pub trait Route<T>: Send {
    /// Below the number of partitions it was made for.
    fn partition(&mut self, event: &T) -> usize;

    /// Once a step, when what it chose has been sent: a chance to see how full the lanes are, or what was changed from
    /// outside.
    #[inline(always)]
    fn look(&mut self, _lanes: &[Outlet<T>])
    where
        T: Event,
    {
    }
}

/// One task's end of an exchange.
#[derive(Debug)]
pub struct Exchange<T, R> {
    lanes: Vec<Outlet<T>>,
    route: R,
    last: usize,
    blocked: bool,
    markers: u64,
}

impl<T: Event, R: Route<T>> Exchange<T, R> {
    /// An exchange over `lanes` (at least one), lane `p` leading to partition `p`.
    pub fn new(lanes: Vec<Outlet<T>>, route: R) -> Self {
        assert!(!lanes.is_empty(), "an exchange has at least one lane");
        Exchange {
            lanes,
            route,
            last: 0,
            blocked: false,
            markers: 0,
        }
    }
}

impl<T: Event, R: Route<T>> Downstream<T> for Exchange<T, R> {
    #[inline(always)]
    fn push(&mut self, due: Due, value: T) {
        let partition = self.route.partition(&value);
        self.last = partition;
        if !self.lanes[partition].push(Message::Event(due, value)) {
            self.blocked = true;
        }
    }

    fn marker(&mut self, marker: Marker, _: &mut Context) {
        if let Marker::Probe { .. } = marker {
            self.markers += 1;
            self.blocked |= !self.lanes[self.last].push(Message::Marker(marker));
            return;
        }
        self.markers += self.lanes.len() as u64;
        for lane in &mut self.lanes {
            self.blocked |= !lane.push(Message::Marker(marker));
        }
    }

    #[inline(always)]
    fn is_blocked(&self) -> bool {
        self.blocked
    }

    #[inline]
    fn flush(&mut self, _: &mut Context) -> bool {
        let mut room = true;
        for lane in &mut self.lanes {
            room &= lane.flush();
        }
        self.blocked = !room;
        self.route.look(&self.lanes);
        room
    }

    fn figures(self, figures: &mut Figures) {
        let sent: u64 = self.lanes.iter().map(Outlet::sent).sum();
        figures.events_out = sent.saturating_sub(self.markers);
    }
}
