//! Ready-made flows, each a folder: what it answers, its states, its messages.
pub mod recommend;
