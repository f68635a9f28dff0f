//! The lanes between two stages: a ring from each task that sends to each that receives.

use crate::event::Event;
use crate::exchange::{Exchange, Route};
use crate::ring::{Inlet, Outlet, ring};

type Ends<T> = (Vec<Vec<Outlet<T>>>, Vec<Vec<Inlet<T>>>);

/// A ring from each of `senders` tasks to each of `receivers`: outlets by sender, inlets by receiver.
pub(super) fn rings<T: Event>(senders: usize, receivers: usize, slots: usize) -> Ends<T> {
    let mut inlets: Vec<Vec<Inlet<T>>> = (0..receivers)
        .map(|_| Vec::with_capacity(senders))
        .collect();
    let outlets = (0..senders).map(|_| {
        let lane = inlets.iter_mut().map(|inlets| {
            let (outlet, inlet) = ring(slots);
            inlets.push(inlet);
            outlet
        });
        lane.collect()
    });
    let outlets = outlets.collect();
    (outlets, inlets)
}

pub(super) fn exchanges<T: Event, R: Route<T> + Clone>(
    lanes: Vec<Vec<Outlet<T>>>,
    route: &R,
) -> Vec<Exchange<T, R>> {
    lanes
        .into_iter()
        .map(|lanes| Exchange::new(lanes, route.clone()))
        .collect()
}
