//! The contract's rules: turns a datum in our schema's shape into a domain value, or says what is invalid.

mod decimal;
mod fields;
mod json;
mod order;
mod run;

pub use order::order_event;
pub use run::run;

/// A sentence that names the field and the rule it breaks.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid(pub String);
