//! A value that breaks a rule of the contract.

/// One sentence that names the field and the rule that it breaks.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid(pub String);
