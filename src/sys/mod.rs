//! What the engine takes from the machine and from people's text: numbers with units, randomness,
//! the shape of the machine.
pub mod mapping;
pub mod nearest;
pub mod quantity;
pub mod random;
pub mod rate;
