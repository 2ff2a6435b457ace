//! The contract's rules: turns a datum in our schema's shape into a domain value, or says what is invalid.

mod decimal;
mod fields;
mod invalid;
mod json;
mod order;
mod run;

pub use invalid::Invalid;
pub use order::order_event;

/// A sentence that names the field and the rule it breaks.
#[derive(Debug, PartialEq, Eq)]
pub use run::run;
