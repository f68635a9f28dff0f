//! What the engine takes from the machine and from people's text: numbers with units, randomness,
//! the shape of the machine and what on it will hurt the tail.
pub mod machine;
pub mod mapping;
pub mod nearest;
pub mod procfs;
pub mod quantity;
pub mod random;
pub mod rate;
pub mod topology;
