//! What the engine takes from the machine and from people's text: clock, memory, numbers with units,
//! randomness, the shape of the machine.
pub mod clock;
pub mod mapping;
pub mod memory;
pub mod nearest;
pub mod quantity;
pub mod random;
pub mod rate;
