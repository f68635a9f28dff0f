//! State: where the keyed state of a partition lives.
mod growth;
mod states;
mod table;
mod ttl;
pub use growth::Prefaulter;
pub use states::States;
pub use table::{Place, SETTLE_EVERY, Table, TableError, TableOptions};
pub use ttl::{Forever, TimeToLive, Ttl};
