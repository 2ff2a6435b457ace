//! Whether the fold gets on: for each partition that this process has to fold, where the log ends, how far it is folded,
//! for how long it has stood still while records wait, and why.
//!
//! - `partitions`: what is known of them, told by readers, writers and brokers
//! - `ends`: asks the brokers where the log ends, whether anything is fetched or not
//! - `cause`: why a partition stands still
//! - `report`: a line a minute on what is folded
//! - `supervisor`: tells /readyz and the log

mod cause;
mod ends;
mod partitions;
mod report;
mod supervisor;

pub use ends::EndsWatch;
pub use partitions::Progress;
pub use supervisor::Supervisor;
