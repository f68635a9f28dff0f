//! A stage without state: hands events on to the steps fused behind it.

use super::stage::Logic;
use crate::event::{Event, Message};
use crate::task::{Downstream, Figures};
use std::marker::PhantomData;

/// Hands events on as they are.
#[derive(Debug)]
pub struct Relay<T>(PhantomData<fn() -> T>);

impl<T> Default for Relay<T> {
    fn default() -> Self {
        Relay(PhantomData)
    }
}

impl<T: Event> Logic for Relay<T> {
    type In = T;
    type Out = T;

    #[inline]
    fn run<D: Downstream<T>>(&mut self, messages: &[Message<T>], down: &mut D) -> usize {
        let mut count = 0;
        for message in messages {
            let Message::Event(due, event) = message else {
                break;
            };
            down.push(*due, *event);
            count += 1;
        }
        count
    }

    fn figures(self, _: &mut Figures) {}
}
