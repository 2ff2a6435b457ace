//! What operators decided about records: decisions hold in every generation.

pub mod allowances;
pub mod discards;
pub mod new_log;
