//! A stage without state: hands events on to the steps fused behind it.

use super::logic::Logic;
use crate::checkpoint::{Port, Saved};
use crate::event::{Event, Message};
use crate::task::{Downstream, Figures, Watch};
use std::marker::PhantomData;

/// Hands events on as they are.
#[derive(Debug)]
pub struct Relay<T> {
    port: Option<Port>,
    interrupted: Option<String>,
    event: PhantomData<fn() -> T>,
}

impl<T> Default for Relay<T> {
    fn default() -> Self {
        Relay {
            port: None,
            interrupted: None,
            event: PhantomData,
        }
    }
}

impl<T> Relay<T> {
    /// A relay whose part of a checkpoint goes through `port`.
    pub fn through(port: Port) -> Self {
        Relay {
            port: Some(port),
            ..Relay::default()
        }
    }
}

impl<T: Event> Logic for Relay<T> {
    type In = T;
    type Out = T;

    #[inline]
    fn run<D: Downstream<T>>(&mut self, messages: &[Message<T>], down: &mut D) -> usize {
        let mut count = 0;
        let mut watch = Watch {
            event: None,
            interrupted: &mut self.interrupted,
        };
        for message in messages {
            let Message::Event(due, event) = message else {
                break;
            };
            watch.event = Some(event);
            down.push(*due, *event);
            count += 1;
        }
        count
    }

    fn capture(&mut self, epoch: u64, saved: Saved) {
        if let Some(port) = &mut self.port
            && port.begin(epoch).is_some()
            && port.extras(&saved.to_bytes())
        {
            port.end(0);
        }
    }

    fn takes_part(&self) -> bool {
        self.port.is_some()
    }

    fn at_event(&self) -> Option<String> {
        self.interrupted.clone()
    }

    fn figures(self, _: &mut Figures) {}
}
