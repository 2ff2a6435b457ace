//! A generation as operators see it: its state, its origin, and the progress of its rebuild.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::timestamp::Timestamp;

/// State of a generation, as stored in `foldback.generations.state` and printed by `generations list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    pub phase: Phase,
    /// Share of the log that is folded, 0 to 1.
    pub ratio: f64,
    /// Records folded so far.
    #[schema(examples(1240000))]
    pub events: u64,
    /// Records folded per second.
    #[schema(minimum = 0, examples(45800.5))]
    pub events_per_second: f64,
    /// Seconds until the folding ends; `None` until there is a rate.
    pub eta_seconds: Option<u64>,
}

impl Progress {
    pub fn at_start() -> Progress {
        Progress { phase: Phase::Folding, ratio: 0.0, events: 0, events_per_second: 0.0, eta_seconds: None }
    }
}

/// One complete set of views, in the Postgres schema `gen_<generation>`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Generation)]
pub struct GenerationInfo {
    /// Its number. Each rebuild takes the next one.
    #[schema(minimum = 1, examples(2))]
    pub generation: i32,
    pub state: GenerationState,
    /// The version of the projection that folded it.
    #[schema(examples(1))]
    pub projection_version: i32,
    /// When its rebuild started.
    #[schema(examples("2026-11-23T09:00:00.000000+00:00"))]
    pub created_at: Timestamp,
    /// Who created it: user and host.
    pub created_by: String,
    /// When it last became live; null if it never was.
    #[schema(examples("2026-11-23T09:04:31.000000+00:00"))]
    pub promoted_at: Option<Timestamp>,
    /// The version of the foldback binary that created it.
    #[schema(examples("0.1.0"))]
    pub binary_version: String,
    /// The log offsets that it was folded from, and other facts about its creation.
    pub origin: Value,
    /// For an as-of generation (`--until`): what was asked for.
    pub until: Option<Value>,
    /// Why a check failed.
    pub failure: Option<String>,
    /// The progress of its rebuild; null if it was not rebuilt.
    pub progress: Option<Progress>,
    /// Whether the process that builds it has sent a heartbeat within the last few seconds.
    pub builder_alive: bool,
}
