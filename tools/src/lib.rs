//! Tools beside the Millstream engine.
