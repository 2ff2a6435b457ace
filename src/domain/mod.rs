//! What the business says: pure values and folds.
//!
//! - `orders`: events of an order, and what they come to
//! - `runs`: automation runs and their summaries
//! - `views`: what readers are shown
//! - `log`: records and where they lie
//! - `generations`: sets of views, and how they differ
//!
//! Nothing here does I/O, awaits, reads a clock or knows a framework. Whoever folds the same events gets the
//! same values.

pub mod change;
pub mod generations;
pub mod log;
pub mod orders;
pub mod runs;
pub mod timestamp;
pub mod views;
