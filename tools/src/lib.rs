//! Tools beside the Millstream engine.
//!
//! Here: what the measuring tools put beside the engine. The tools themselves are in `bin/`.
pub mod bare;
pub mod bare_paced;
pub mod events;
