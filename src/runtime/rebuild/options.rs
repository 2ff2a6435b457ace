//! What a rebuild is asked for, and what it answers.

use serde::Serialize;

use crate::domain::bounds::Bounds;
use crate::domain::generation::GenerationState;
use crate::domain::timestamp::Timestamp;

/// How much of the new generation is folded again and compared before it may go live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// So many orders in a million.
    Sample(u32),
    Full,
}

/// Where a rebuild of the views as they were ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Until {
    /// Of each partition everything before the first record whose timestamp is later.
    Time(Timestamp),
    /// Exclusive; nothing of a partition that is not named.
    Offsets(Bounds),
}

#[derive(Debug, Clone, PartialEq)]
pub struct RebuildOptions {
    /// Instead of rebuild.workers.
    pub workers: Option<usize>,
    pub until: Option<Until>,
    /// Whether it goes live when the checks pass.
    pub promote: bool,
    pub depth: Depth,
    /// Drops what an interrupted rebuild has left, instead of going on with it.
    pub restart: bool,
    /// Dead letters that the live generation doesn't have don't stop the promotion.
    pub accept_dead_letters: bool,
}

/// One thing that has to hold before a generation goes live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub passed: bool,
    /// What was found, in a sentence.
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rebuilt {
    pub generation: i32,
    pub state: GenerationState,
    /// Records folded.
    pub events: u64,
    pub seconds: f64,
    pub checks: Vec<Check>,
    /// Older generations that went with the promotion.
    pub dropped: Vec<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RolledBack {
    pub from: i32,
    pub to: i32,
}

/// What a rebuild would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub topics: Vec<PlannedTopic>,
    /// Estimate of what the new generation will take in Postgres.
    pub space_bytes: u64,
    /// Estimate of how long it will take, from a sample that was read, decoded and folded.
    pub seconds: f64,
    /// Sentences; with one of them a rebuild ends at once with exit code 4.
    pub refusals: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedTopic {
    pub topic: String,
    /// It starts at its beginning, is the topic that was folded before, and nothing is compacted away.
    pub whole: bool,
    pub topic_id: Option<String>,
    pub cleanup_policy: Option<String>,
    pub partitions: Vec<PlannedPartition>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedPartition {
    pub partition: i32,
    pub from: i64,
    /// Exclusive.
    pub to: i64,
    /// Estimates: transactions leave offsets without records.
    pub events: u64,
    pub bytes: u64,
}
