//! What an operator puts out while it looks through all its state, in an order that every run has.
//!
//! A table goes through its keys as they happen to lie, which depends on when it grew and on what was
//! evicted. In deterministic order the outputs are gathered and handed on by key:
//!
//! ```text
//!   states.retain ── key 9 ─► emit a ┐              ┌ key 2: b
//!                 ── key 2 ─► emit b ┼─► gathered ──┤
//!                 ── key 5           │              └ key 9: a
//!   after it                ─► emit c ┘               then c
//! ```

use super::Emit;
use crate::state::States;
use std::cell::Cell;

/// Where an operator is: how often it has begun or ended looking through its state, and at which key.
type Place = Cell<(u64, u64)>;

/// Takes outputs with the place they were made at.
pub(super) struct Gathered<'a, T> {
    place: &'a Place,
    outputs: Vec<((u64, u64), T)>,
}

impl<'a, T> Gathered<'a, T> {
    pub(super) fn new(place: &'a Place) -> Self {
        Gathered {
            place,
            outputs: Vec::new(),
        }
    }

    /// The outputs, by place; of one place as they were made.
    pub(super) fn into_outputs(mut self) -> impl Iterator<Item = T> {
        self.outputs.sort_by_key(|(place, _)| *place);
        self.outputs.into_iter().map(|(_, output)| output)
    }
}

impl<T> Emit<T> for Gathered<'_, T> {
    fn emit(&mut self, output: T) {
        self.outputs.push((self.place.get(), output));
    }
}

/// The state as it is, which says where the operator is.
pub(super) struct Watched<'a, V> {
    pub(super) states: &'a mut dyn States<V>,
    pub(super) place: &'a Place,
}

impl<V> States<V> for Watched<'_, V> {
    fn len(&self) -> u64 {
        self.states.len()
    }

    fn retain(&mut self, keep: &mut dyn FnMut(u64, &V) -> bool) {
        let place = self.place;
        let (pass, _) = place.get();
        self.states.retain(&mut |key, value| {
            place.set((pass + 1, key));
            keep(key, value)
        });
        place.set((pass + 2, 0));
    }

    fn for_each(&mut self, visit: &mut dyn FnMut(u64, &V)) {
        let place = self.place;
        let (pass, _) = place.get();
        self.states.for_each(&mut |key, value| {
            place.set((pass + 1, key));
            visit(key, value);
        });
        place.set((pass + 2, 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes through its keys in the order in which they are listed.
    struct Listed(Vec<u64>);

    impl States<u64> for Listed {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }

        fn retain(&mut self, keep: &mut dyn FnMut(u64, &u64) -> bool) {
            self.0.retain(|key| keep(*key, key));
        }
    }

    fn outputs(mut keys: Vec<u64>) -> (Vec<&'static str>, u64) {
        let place = Cell::default();
        let mut out = Gathered::new(&place);
        let mut listed = Listed(std::mem::take(&mut keys));
        let mut states = Watched {
            states: &mut listed,
            place: &place,
        };
        out.emit("first");
        states.retain(&mut |key, _| {
            if key == 9 {
                out.emit("nine");
                out.emit("nine again");
            }
            if key == 2 {
                out.emit("two");
            }
            key != 9
        });
        out.emit("between");
        states.for_each(&mut |key, _| {
            out.emit(if key == 2 { "two later" } else { "five later" });
        });
        let left = states.len();
        (out.into_outputs().collect(), left)
    }

    #[test]
    fn outputs_are_the_same_whatever_the_order_of_the_table() {
        let expected = [
            "first",
            "two",
            "nine",
            "nine again",
            "between",
            "two later",
            "five later",
        ];
        for keys in [vec![2, 5, 9], vec![9, 5, 2], vec![5, 9, 2]] {
            assert_eq!(outputs(keys), (expected.to_vec(), 2));
        }
    }
}
