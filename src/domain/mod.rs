//! The business: pure values and folds.
//!
//! Nothing here does I/O, awaits, reads a clock or knows a framework. Folding the same events always gives the same
//! values.

pub mod backlog;
pub mod bounds;
pub mod catch_up;
pub mod change;
pub mod dead_letter;
pub mod difference;
pub mod event;
pub mod generation;
pub mod guardrail;
pub mod key_sample;
pub mod money;
pub mod order;
pub mod packed;
pub mod partition;
pub mod position;
pub mod record;
pub mod refill;
pub mod register;
pub mod rejection;
pub mod replay;
pub mod run;
pub mod sequence;
pub mod size;
pub mod snapshot;
pub mod status;
pub mod summary;
pub mod telemetry;
pub mod timestamp;
pub mod view;
