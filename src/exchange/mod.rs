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
use crate::partition::Ways;
use crate::ring::Outlet;
use crate::task::{Context, Downstream, Figures};

/// Chooses the partition of an event.
pub trait Route<T>: Send {
    /// Below the number of partitions it was made for.
    fn partition(&mut self, event: &T) -> usize;

    /// The same, where it may depend on what waits on each lane, and where markers may have to go first.
    #[inline(always)]
    fn lane(&mut self, event: &T, lanes: &mut Lanes<'_, T>) -> usize {
        let _ = lanes;
        self.partition(event)
    }

    /// Once a step, before what it chose is published: a chance to look at it, without a word for each event.
    #[inline(always)]
    fn sample(&mut self, lanes: &mut Lanes<'_, T>) {
        let _ = lanes;
    }

    /// Once a step, when what it chose has been sent: a chance to see how full the lanes are, or what was changed from
    /// outside.
    #[inline(always)]
    fn look(&mut self, _lanes: &[Outlet<T>])
    where
        T: Event,
    {
    }

    /// All state is to lie where it belongs: a checkpoint or the end is next.
    fn bring_home(&mut self, lanes: &mut Lanes<'_, T>) {
        let _ = lanes;
    }

    /// Adds what it counted, after the last event.
    fn figures(self, figures: &mut Figures)
    where
        Self: Sized,
    {
        let _ = figures;
    }
}

/// The lanes of an exchange, for its route.
#[derive(Debug)]
pub struct Lanes<'a, T> {
    lanes: &'a mut [Outlet<T>],
    blocked: &'a mut bool,
    markers: &'a mut u64,
}

impl<T: Event> Lanes<'_, T> {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.lanes.len()
    }

    /// How many messages were sent on `lane` before those that can be looked at, and how many these are.
    #[inline(always)]
    pub fn visible(&self, lane: usize) -> (u64, usize) {
        self.lanes[lane].visible()
    }

    /// Markers among all messages of `lane` so far.
    pub fn markers(&self, lane: usize) -> u64 {
        self.lanes[lane].markers()
    }

    /// These messages.
    pub fn visible_messages(&self, lane: usize) -> &[Message<T>] {
        self.lanes[lane].visible_messages()
    }
}

impl<T: Event> Ways for Lanes<'_, T> {
    fn waiting(&self, lane: usize) -> usize {
        self.lanes[lane].waiting()
    }

    fn slots(&self) -> usize {
        self.lanes[0].slots()
    }

    fn announce(&mut self, lane: usize) {
        *self.markers += 1;
        *self.blocked |= !self.lanes[lane].push_marker(Marker::KeyState);
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
        let partition = self.route.lane(
            &value,
            &mut Lanes {
                lanes: &mut self.lanes,
                blocked: &mut self.blocked,
                markers: &mut self.markers,
            },
        );
        self.last = partition;
        if !self.lanes[partition].push(Message::Event(due, value)) {
            self.blocked = true;
        }
    }

    fn marker(&mut self, marker: Marker, _: &mut Context) {
        if let Marker::Probe { .. } = marker {
            self.markers += 1;
            self.blocked |= !self.lanes[self.last].push_marker(marker);
            return;
        }
        if let Marker::Barrier {
            checkpoint: true, ..
        }
        | Marker::End = marker
        {
            self.route.bring_home(&mut Lanes {
                lanes: &mut self.lanes,
                blocked: &mut self.blocked,
                markers: &mut self.markers,
            });
        }
        self.markers += self.lanes.len() as u64;
        for lane in &mut self.lanes {
            self.blocked |= !lane.push_marker(marker);
        }
    }

    #[inline(always)]
    fn is_blocked(&self) -> bool {
        self.blocked
    }

    #[inline]
    fn flush(&mut self, _: &mut Context) -> bool {
        self.route.sample(&mut Lanes {
            lanes: &mut self.lanes,
            blocked: &mut self.blocked,
            markers: &mut self.markers,
        });
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
        self.route.figures(figures);
    }
}
