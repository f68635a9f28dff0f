//! Cost curves: what an event of the keyed aggregate costs, against one thing that is varied.
//!
//! ```text
//!   curve.rs    which points a curve has          event.rs   events of 16 to 256 bytes
//!   point.rs    one of them: all that is set      plain.rs   what must come out, without the engine
//!   turns.rs    a process a point, interleaved    turn.rs    what such a process does
//!   report.rs   all figures ─► table.rs  Markdown, plot.rs  SVG
//! ```
pub mod curve;
pub mod error;
pub mod event;
pub mod plain;
pub mod plot;
pub mod point;
pub mod report;
pub mod table;
pub mod turn;
pub mod turns;
