//! What a verification is asked for, and what it answers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::difference::Differences;
use crate::domain::generation::Progress;
use crate::domain::key_sample::KeySample;

#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Which orders and runs are folded again.
    pub sample: KeySample,
    /// How fast the log is read, of all partitions together; 0: as fast as it can.
    pub records_per_second_max: u64,
    /// Where the leading instance shows its metrics, as http://host:port; `None`: gauges are not checked.
    pub metrics_url: Option<String>,
    /// So many rows that differ are named; further ones are counted.
    pub differences_max: usize,
}

/// What is being done.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// Reading Redis and gauges.
    Publications,
    Folding(Progress),
    /// One view.
    Comparing(&'static str),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    pub generation: i32,
    pub differences: Differences,
    pub not_checked: Vec<NotChecked>,
    pub refused_only_live: Vec<RefusedOnlyLive>,
    /// Where the views were compared: next offset by topic and partition.
    pub checkpoints: BTreeMap<(String, i32), i64>,
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

/// A record that the live generation refused and that would be accepted today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedOnlyLive {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// Why it was refused.
    pub reason: String,
}
