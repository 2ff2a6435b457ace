//! Options and results of a rebuild.

use serde::Serialize;

use crate::domain::generations::generation::GenerationState;
use crate::domain::log::bounds::Bounds;
use crate::domain::log::key_share::KeySample;
use crate::domain::log::new_logs::NewLogs;
use crate::domain::timestamp::Timestamp;

/// How much of the new generation to refold and compare before it may go live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Orders in a million.
    Sample(u32),
    Full,
}

/// Where an as-of rebuild ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Until {
    /// For each partition, before the first record with a later timestamp.
    Time(Timestamp),
    /// Exclusive; nothing is folded of a partition that is not named.
    Offsets(Bounds),
}

/// What `foldback rebuild` was asked to do.
#[derive(Debug, Clone, PartialEq)]
pub struct RebuildOptions {
    /// Overrides rebuild.workers.
    pub workers: Option<usize>,
    pub until: Option<Until>,
    /// Whether to go live when the checks pass.
    pub promote: bool,
    pub depth: Depth,
    /// Starts over instead of resuming an interrupted rebuild.
    pub restart: bool,
    /// Go live even if there are dead letters that the live generation doesn't have.
    pub accept_dead_letters: bool,
    /// Topics whose log is folded as a new one, whatever was folded before: restored, mirrored or truncated.
    pub new_logs: NewLogs,
}

impl RebuildOptions {
    /// How much of the log is folded in all, in parts of a million: the generation, and what it is compared with.
    pub fn folds(&self) -> KeySample {
        let second = match self.depth {
            Depth::Sample(per_million) => per_million,
            Depth::Full => KeySample::ALL.per_million,
        };
        KeySample { per_million: KeySample::ALL.per_million + second }
    }
}

/// Result of a check that a generation must pass to go live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub passed: bool,
    /// What was found, in a sentence.
    pub detail: String,
}

/// Result of a rebuild or promotion, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rebuilt {
    pub generation: i32,
    pub state: GenerationState,
    /// Records folded.
    pub events: u64,
    pub seconds: f64,
    pub checks: Vec<Check>,
    /// Older generations that the promotion dropped.
    pub dropped: Vec<i32>,
}

/// Result of a rollback: the generation that was live, and the one that is live now.
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
    /// The generation of an interrupted rebuild that it would resume.
    pub resumes: Option<i32>,
    /// Generations that earlier rebuilds have left, which it would drop first.
    pub drops: Vec<i32>,
    /// Older generations that it would drop once the new one is live (generations.keep).
    pub drops_when_live: Vec<i32>,
    /// Estimated size of the new generation in Postgres.
    pub space_bytes: u64,
    /// Estimated duration, from a sample that was read, decoded and folded.
    pub seconds: f64,
    /// Reasons to refuse, as sentences; with any of them, a rebuild ends at once with exit code 4.
    pub refusals: Vec<String>,
    /// What could not be found out, as sentences.
    pub warnings: Vec<String>,
}

/// What a rebuild would read of one topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedTopic {
    pub topic: String,
    /// Whether it starts at offset 0, is the topic that was folded before, and is not compacted.
    pub whole: bool,
    pub topic_id: Option<String>,
    pub cleanup_policy: Option<String>,
    pub partitions: Vec<PlannedPartition>,
}

/// What a rebuild would read of one partition: offsets from `from` up to, but not including, `to`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedPartition {
    pub partition: i32,
    pub from: i64,
    /// Exclusive.
    pub to: i64,
    /// Estimates, since transactions leave offsets without records.
    pub events: u64,
    pub bytes: u64,
}
