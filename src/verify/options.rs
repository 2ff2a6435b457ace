//! Options and results of a verification.

use serde::Serialize;

use crate::config::Secret;
use crate::domain::generations::difference::Differences;
use crate::domain::generations::generation::Progress;
use crate::domain::log::key_share::KeySample;
use crate::domain::log::positions::TopicPositions;

/// What `foldback verify` was asked to compare.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Which orders and runs to refold.
    pub sample: KeySample,
    /// Maximum records read per second, over all partitions; 0: unlimited.
    pub records_per_second_max: u64,
    /// HTTP address of the leading instance, as http://host:port; `None`: don't check the gauges.
    pub metrics_url: Option<Secret>,
    /// What that instance wants to be sent (http.token), if it wants a token.
    pub metrics_token: Option<Secret>,
    /// Maximum number of differing rows to list; any more are only counted.
    pub differences_max: usize,
    /// The command, as the record of the verification names it.
    pub started_by: &'static str,
}

/// Stage of a verification.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// Reading Redis and gauges.
    Publications,
    Folding(Progress),
    /// Comparing this view.
    Comparing(&'static str),
    /// A sentence for the operator, such as what is being waited for.
    Note(String),
}

/// Result of a verification, from one moment of the live generation.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    pub generation: i32,
    pub differences: Differences,
    pub not_checked: Vec<NotChecked>,
    pub refused_only_live: Vec<RefusedOnlyLive>,
    /// Checkpoints at which the views were compared: next offset by topic and partition.
    pub checkpoints: TopicPositions,
    /// Rows of the live views that were compared.
    pub rows: u64,
    pub seconds: f64,
}

/// Something that was not compared, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    pub what: String,
    pub why: String,
}

impl NotChecked {
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> NotChecked {
        NotChecked { what: what.into(), why: why.into() }
    }
}

/// A record that the live generation rejected but that would be accepted today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedOnlyLive {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// Why it was rejected.
    pub reason: String,
}
