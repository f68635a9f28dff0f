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
        }
    }

    /// The route, and the lanes for it to look at.
    #[inline(always)]
    fn parts(&mut self) -> (&mut R, Lanes<'_, T>) {
        let lanes = Lanes {
            lanes: &mut self.lanes,
            blocked: &mut self.blocked,
        };
        (&mut self.route, lanes)
    }
}

impl<T: Event, R: Route<T>> Downstream<T> for Exchange<T, R> {
    #[inline(always)]
    fn push(&mut self, due: Due, value: T) {
        let (route, mut lanes) = self.parts();
        let partition = route.lane(&value, &mut lanes);
        self.last = partition;
        if !self.lanes[partition].push(Message::Event(due, value)) {
            self.blocked = true;
        }
    }

    fn marker(&mut self, marker: Marker, _: &mut Context) {
        if let Marker::Probe { .. } = marker {
            self.blocked |= !self.lanes[self.last].push_marker(marker);
            return;
        }
        if let Marker::Barrier {
            checkpoint: true, ..
        }
        | Marker::End = marker
        {
            let (route, mut lanes) = self.parts();
            route.bring_home(&mut lanes);
        }
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
        let (route, mut lanes) = self.parts();
        route.sample(&mut lanes);
        let mut room = true;
        for lane in &mut self.lanes {
            room &= lane.flush();
        }
        self.blocked = !room;
        self.route.look(&self.lanes);
        room
    }

    fn figures(self, figures: &mut Figures) {
        let events = |lane: &Outlet<T>| lane.sent() - lane.markers();
        figures.events_out = self.lanes.iter().map(events).sum();
        self.route.figures(figures);
    }
}
