//! Tools beside the Millstream engine.
//!
//! Here: what the measuring tools put beside the engine, and what several of them share. The tools themselves are
//! in `bin/`.
pub mod bare;
pub mod bare_paced;
pub mod events;
pub mod markdown;
pub mod question;
