//! What readers are shown.

pub mod backlog;
pub mod gaps;
pub mod page;
pub mod rows;
pub mod snapshot;
