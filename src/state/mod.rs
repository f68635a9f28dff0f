//! State: where the keyed state of a partition lives.
mod array;
pub mod cold;
mod growth;
pub mod hot;
mod states;
mod table;
mod ttl;
pub use array::{Array, Captured};
pub use cold::{Cold, Fetch, Remove, Reply};
pub use growth::Prefaulter;
pub use hot::{Entry, Hot, SetPolicy, Spot};
pub use states::States;
pub use table::{Place, SETTLE_EVERY, Table, TableError, TableOptions, TableShape, Way};
pub use ttl::{Forever, TimeToLive, Ttl, stamp_at};
