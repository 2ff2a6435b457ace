//! A generation as operators see it: its state, where it came from, and how far a rebuild of it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::timestamp::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GenerationState {
    /// A rebuild folds it, or did and was interrupted.
    Building,
    /// Folded and checked, not shown to readers.
    Ready,
    /// The one that the stable views show.
    Live,
    /// Was live before; whole, and can be gone back to.
    Kept,
    /// A check refused it.
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

/// What a rebuild is doing, in the order in which it does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reads the log from its start and writes the history.
    Folding,
    /// Writes the states that the folding has come to.
    Settling,
    Indexing,
    /// Folds what has come since, as a live worker does.
    CatchingUp,
    Checking,
    CuttingOver,
    Done,
}

impl Phase {
    /// As a sentence about the rebuild puts it.
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

/// How far a rebuild is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    pub phase: Phase,
    /// How much of the way to the end of the log is folded, 0 to 1.
    pub ratio: f64,
    /// Records folded so far.
    pub events: u64,
    pub events_per_second: f64,
    /// Until the end of the folding; `None` before there is a rate.
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
    /// Who made it: user and host.
    pub created_by: String,
    pub promoted_at: Option<Timestamp>,
    pub binary_version: String,
    /// From which offsets of the log it was folded, and further facts of its making.
    pub origin: Value,
    /// Of a generation that shows the views as they were: what was asked for.
    pub until: Option<Value>,
    /// Why a check refused it.
    pub failure: Option<String>,
    pub progress: Option<Progress>,
    /// Whether the process that builds it was heard of within the last few seconds.
    pub builder_alive: bool,
}
