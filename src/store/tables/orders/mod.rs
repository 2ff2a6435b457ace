//! Orders, replays and refills: from state to row and back.

mod columns;
mod load;
mod order;
mod refill;
mod replay;

pub use columns::timestamp;
pub use load::{load_order_alone, load_orders};
pub use order::ORDERS;
pub use refill::REFILLS;
pub use replay::REPLAYS;

pub(in crate::store) use order::encode as encode_order;
pub(in crate::store) use refill::encode as encode_refill;
pub(in crate::store) use replay::encode as encode_replay;
