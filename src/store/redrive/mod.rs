//! Dead letters of the live generation on their way through the fold again.
//!
//! - `letters`: which, and their records as they were stored
//! - `verdicts`: closes those that were accepted, and keeps the others with today's reason

mod letters;
mod verdicts;

pub use letters::{Chosen, Letter, choose, letters, newest, strangers};
pub(in crate::store) use verdicts::store;
