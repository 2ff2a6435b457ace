//! A replay of an order: the provider is asked again, now or later.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::money::Money;
use super::register::Register;
use crate::domain::timestamp::Timestamp;

/// Status of a replay, by its event of the highest sequence; also `Cancelled` if the order was cancelled later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayStatus {
    Scheduled,
    Executed,
    Failed,
    Cancelled,
}

impl ReplayStatus {
    pub const ALL: [ReplayStatus; 4] =
        [ReplayStatus::Scheduled, ReplayStatus::Executed, ReplayStatus::Failed, ReplayStatus::Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            ReplayStatus::Scheduled => "scheduled",
            ReplayStatus::Executed => "executed",
            ReplayStatus::Failed => "failed",
            ReplayStatus::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<ReplayStatus> {
        ReplayStatus::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What ReplayScheduled, ReplayExecuted and ReplayFailed carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    pub requested_amount: Option<Money>,
    pub rule_ids: Vec<String>,
    pub rule_metadata: BTreeMap<String, String>,
}

/// What ReplayExecuted and ReplayFailed carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    pub performed_at: Option<Timestamp>,
    pub response: Option<String>,
}

/// Fields that the same events carry share a register. The registers' sequences tell which event type is the latest,
/// so the status needs no register of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replay {
    pub replay_id: Uuid,
    pub request: Register<Request>,
    /// scheduled_for, from ReplayScheduled and ReplayRescheduled.
    pub schedule: Register<Option<Timestamp>>,
    pub outcome: Register<Outcome>,
    /// The error, from ReplayFailed.
    pub failure: Register<Option<String>>,
    /// The reason, from ReplayCancelled.
    pub cancel: Register<Option<String>>,
    /// Number of ReplayExecuted events.
    pub executed: i64,
    /// Number of ReplayFailed events.
    pub failed: i64,
}

impl Replay {
    pub fn new(replay_id: Uuid) -> Replay {
        Replay { replay_id, ..Replay::default() }
    }

    /// `order_cancelled`: sequence of the order's highest OrderCancelled, or 0.
    pub fn status(&self, order_cancelled: i64) -> ReplayStatus {
        let (schedule, outcome, cancel) = (self.schedule.sequence, self.outcome.sequence, self.cancel.sequence);
        if cancel > schedule.max(outcome) {
            ReplayStatus::Cancelled
        } else if outcome > schedule {
            if self.failure.sequence == outcome { ReplayStatus::Failed } else { ReplayStatus::Executed }
        } else if schedule < order_cancelled {
            ReplayStatus::Cancelled
        } else {
            ReplayStatus::Scheduled
        }
    }

    pub fn attempts(&self) -> i64 {
        self.executed + self.failed
    }
}
