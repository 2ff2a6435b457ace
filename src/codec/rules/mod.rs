//! The contract's rules: from a datum in our schema's shape to a domain value, or what is invalid in it.

mod decimal;
mod fields;
mod json;
mod order;
mod run;

pub use order::order_event;
pub use run::run;

/// One sentence that names the field and the rule that it breaks.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid(pub String);
