//! The contract's rules: turns a datum in our schema's shape into a domain value, or says what is invalid.

mod decimal;
mod fields;
mod invalid;
mod json;
mod json_bounds;
mod order;
mod run;

pub use invalid::Invalid;
pub use order::order_event;
pub use run::run;
