//! What readers are shown.

pub mod backlog;
pub mod rows;
pub mod snapshot;
