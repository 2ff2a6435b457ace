//! Automation runs: reports, summaries and what is shown of a run.

pub mod run;
pub mod status;
pub mod summary;
