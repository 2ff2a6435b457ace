//! A generation as operators see it: its state, its origin, and the progress of its rebuild.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::timestamp::Timestamp;

/// State of a generation, as stored in `foldback.generations.state` and printed by `generations list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GenerationState {
    /// A rebuild is folding it, or was interrupted while doing so.
    Building,
    /// Folded and checked, but not shown to readers.
    Ready,
    /// The one that the stable views point at.
    Live,
    /// Previously live and complete; can be rolled back to.
    Kept,
    /// A check failed.
    Failed,
}

impl GenerationState {
    pub const ALL: [GenerationState; 5] = [
        GenerationState::Building,
        GenerationState::Ready,
        GenerationState::Live,
        GenerationState::Kept,
        GenerationState::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            GenerationState::Building => "building",
            GenerationState::Ready => "ready",
            GenerationState::Live => "live",
            GenerationState::Kept => "kept",
            GenerationState::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<GenerationState> {
        GenerationState::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Phases of a rebuild, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reads the log from its start and writes the history.
    Folding,
    /// Writes the final state of each order.
    Settling,
    Indexing,
    /// Folds what was written since, as a live worker does.
    CatchingUp,
    Checking,
    CuttingOver,
    Done,
}

impl Phase {
    /// As a sentence about the rebuild says it.
    pub fn words(self) -> &'static str {
        match self {
            Phase::Folding => "folding",
            Phase::Settling => "settling orders",
            Phase::Indexing => "building indexes",
            Phase::CatchingUp => "catching up",
            Phase::Checking => "checking",
            Phase::CuttingOver => "cutting over",
            Phase::Done => "done",
        }
    }
}

/// Progress of a rebuild.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    pub phase: Phase,
    /// Share of the log that is folded, 0 to 1.
    pub ratio: f64,
    /// Records folded so far.
    pub events: u64,
    pub events_per_second: f64,
    /// Seconds until the folding ends; `None` until there is a rate.
    pub eta_seconds: Option<u64>,
}

impl Progress {
    pub fn at_start() -> Progress {
        Progress { phase: Phase::Folding, ratio: 0.0, events: 0, events_per_second: 0.0, eta_seconds: None }
    }
}

/// One row of `generations list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerationInfo {
    pub generation: i32,
    pub state: GenerationState,
    pub projection_version: i32,
    pub created_at: Timestamp,
    /// Who created it: user and host.
    pub created_by: String,
    pub promoted_at: Option<Timestamp>,
    pub binary_version: String,
    /// The log offsets that it was folded from, and other facts about its creation.
    pub origin: Value,
    /// For an as-of generation (`--until`): what was asked for.
    pub until: Option<Value>,
    /// Why a check failed.
    pub failure: Option<String>,
    pub progress: Option<Progress>,
    /// Whether the process that builds it has sent a heartbeat within the last few seconds.
    pub builder_alive: bool,
}
