//! The log: records, where they lie, and why one is refused.

pub mod bounds;
pub mod dead_letter;
pub mod key_share;
pub mod new_logs;
pub mod partition;
pub mod position;
pub mod positions;
pub mod record;
pub mod refused;
pub mod rejection;
