//! Tools beside the Millstream engine.
//!
//! Here: what the measuring tools put beside the engine, and the parts of the larger ones. The tools themselves
//! are in `bin/`.
pub mod bare;
pub mod bare_paced;
pub mod curves;
pub mod events;
pub mod profile;
