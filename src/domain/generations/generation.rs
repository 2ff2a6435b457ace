//! A generation as operators see it: its state, where it came from, and how far a rebuild of it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::verification::Verification;
use crate::domain::timestamp::Timestamp;

/// `live`: the one that readers see. `kept`: was live, and can be rolled back to. `ready`: checked, not shown yet.
/// `building`: a rebuild is folding it, or was interrupted. `failed`: a check refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GenerationState {
    /// A rebuild is folding it, or was interrupted.
    Building,
    /// Folded and checked, not shown to readers.
    Ready,
    /// The one that the stable views show.
    Live,
    /// Was live before. It is complete, and can be rolled back to.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    pub phase: Phase,
    /// The folded part of the log, from 0 to 1.
    #[schema(minimum = 0, maximum = 1, examples(0.62))]
    pub ratio: f64,
    /// Records folded so far.
    #[schema(examples(1240000))]
    pub events: u64,
    /// Records folded per second.
    #[schema(minimum = 0, examples(45800.5))]
    pub events_per_second: f64,
    /// Seconds until the log is folded; null until there is a rate.
    #[schema(examples(17))]
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
    /// Who created it: user and host, or a foldback command.
    #[schema(examples("ops@host-1"))]
    pub created_by: String,
    /// When it last became live; null if it never was.
    #[schema(examples("2026-11-23T09:04:31.000000+00:00"))]
    pub promoted_at: Option<Timestamp>,
    /// The version of the foldback binary that created it.
    #[schema(examples("0.1.0"))]
    pub binary_version: String,
    /// The offsets of the log from which it was folded, and the ids of the topics.
    #[schema(value_type = Object, examples(json!({"from": [{"topic": "provider-orders", "partition": 0, "offset": 0}]})))]
    pub origin: Value,
    /// For a generation that shows the views as of an earlier moment (`--until`): the moment; null otherwise.
    #[schema(value_type = Value, examples(json!({"time": "2026-11-22T00:00:00.000000+00:00"})))]
    pub until: Option<Value>,
    /// Why a check refused it; null unless `failed`.
    #[schema(examples("it is empty"))]
    pub failure: Option<String>,
    /// The progress of its rebuild; null if it was not rebuilt.
    pub progress: Option<Progress>,
    /// When the newest verification of all of it ended that found no difference; null: there was none.
    #[schema(examples("2026-11-23T09:04:31.000000+00:00"))]
    pub verified_at: Option<Timestamp>,
    /// The newest verification of it; null: there was none.
    pub last_verification: Option<Verification>,
    /// Whether the process that builds it has reported within the last 10 s.
    pub builder_alive: bool,
}
