//! A stage without state: hands events on to the steps fused behind it.

use super::stage::Logic;
use crate::event::{Event, Message};
use crate::task::{Downstream, Figures, Watch};
use std::marker::PhantomData;

/// Hands events on as they are.
#[derive(Debug)]
pub struct Relay<T> {
    interrupted: Option<String>,
    event: PhantomData<fn() -> T>,
}

impl<T> Default for Relay<T> {
    fn default() -> Self {
        Relay {
            interrupted: None,
            event: PhantomData,
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

    fn at_event(&self) -> Option<String> {
        self.interrupted.clone()
    }

    fn figures(self, _: &mut Figures) {}
}
