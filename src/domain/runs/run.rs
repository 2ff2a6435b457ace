//! One finished run of an automation worker.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::log::position::Position;
use crate::domain::timestamp::Timestamp;

/// Kind of automation run. `as_str` gives the names used in Postgres, the API and metric labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunType {
    Replay,
    Alert,
}

impl RunType {
    pub fn as_str(self) -> &'static str {
        match self {
            RunType::Replay => "replay",
            RunType::Alert => "alert",
        }
    }

    pub fn parse(text: &str) -> Option<RunType> {
        [RunType::Replay, RunType::Alert].into_iter().find(|run_type| run_type.as_str() == text)
    }
}

/// Result of an automation run, as its worker reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Unknown,
    Success,
    Partial,
    Failed,
}

impl RunStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Unknown => "unknown",
            RunStatus::Success => "success",
            RunStatus::Partial => "partial",
            RunStatus::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<RunStatus> {
        [RunStatus::Unknown, RunStatus::Success, RunStatus::Partial, RunStatus::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// A report of a run. A higher revision corrects a lower one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub event_id: Uuid,
    pub run_id: Uuid,
    pub revision: i32,
    pub run_type: RunType,
    pub status: RunStatus,
    pub started_at: Option<Timestamp>,
    pub ran_at: Timestamp,
    /// The worker's JSON object; numbers keep every digit.
    pub summary: Map<String, Value>,
    pub metadata: Map<String, Value>,
    pub backlog_total: Option<i64>,
    pub next_scheduled_at: Option<Timestamp>,
    pub alerts_sent: Option<i32>,
    /// Why a stored summary or metadata, which is empty here, can't be read. Reports from the log are always readable.
    pub unreadable: Option<String>,
}

/// Whether the report (`revision`, `position`) wins over another report of the same run: the higher revision wins,
/// and among equal ones the smaller position.
pub fn stands_over(report: (i32, Position), other: (i32, Position)) -> bool {
    match report.0.cmp(&other.0) {
        std::cmp::Ordering::Equal => report.1 < other.1,
        order => order.is_gt(),
    }
}
