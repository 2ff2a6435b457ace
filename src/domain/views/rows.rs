//! Rows of the views, as readers list them.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use super::backlog::{Backlog, ProviderBacklog};
use crate::domain::log::position::Position;
use crate::domain::log::record::Header;
use crate::domain::log::redrive::Accepted;
use crate::domain::log::rejection::Reason;
use crate::domain::orders::money::Money;
use crate::domain::orders::order::Order;
use crate::domain::orders::replay::{Replay, ReplayStatus};
use crate::domain::orders::telemetry::{CountKey, Counts, Telemetry};
use crate::domain::runs::run::RunType;
use crate::domain::timestamp::Timestamp;

/// A replay, with what depends on its order: provider and status.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayRow {
    pub provider_order_id: Uuid,
    pub replay_id: Uuid,
    pub provider_id: Option<String>,
    pub status: ReplayStatus,
    pub requested_amount: Option<Money>,
    pub scheduled_for: Option<Timestamp>,
    pub performed_at: Option<Timestamp>,
    pub response: Option<String>,
    pub error: Option<String>,
    pub cancel_reason: Option<String>,
    pub rule_ids: Vec<String>,
    pub rule_metadata: BTreeMap<String, String>,
    pub attempts: i64,
}

impl ReplayRow {
    pub fn of(order: &Order, replay: &Replay) -> ReplayRow {
        let request = &replay.request.value;
        let outcome = &replay.outcome.value;
        ReplayRow {
            provider_order_id: order.provider_order_id,
            replay_id: replay.replay_id,
            provider_id: order.provider_id().map(str::to_owned),
            status: order.replay_status(replay),
            requested_amount: request.requested_amount,
            scheduled_for: replay.schedule.value,
            performed_at: outcome.performed_at,
            response: outcome.response.clone(),
            error: replay.failure.value.clone(),
            cancel_reason: replay.cancel.value.clone(),
            rule_ids: request.rule_ids.clone(),
            rule_metadata: request.rule_metadata.clone(),
            attempts: replay.attempts(),
        }
    }
}

/// The key that replays are listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayKey {
    pub provider_order_id: Uuid,
    pub replay_id: Uuid,
}

/// All given filters must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayFilter {
    pub provider_order_id: Option<Uuid>,
    pub status: Option<ReplayStatus>,
    pub provider_id: Option<String>,
    /// Only scheduled replays without a time, or with a time that is not later.
    pub due_before: Option<Timestamp>,
}

/// One event of an order's history; `payload` has the schema's field names.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    pub sequence: i64,
    pub event_id: Uuid,
    pub event_type: String,
    pub occurred_at: Timestamp,
    pub payload: Value,
    pub topic: String,
    pub position: Position,
    pub recorded_at: Option<Timestamp>,
}

/// Which runs to list; without a type, both. `from` is inclusive, `to` is exclusive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunFilter {
    pub run_type: Option<RunType>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// How far a partition is folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    pub topic: String,
    pub partition: i32,
    pub next_offset: i64,
    pub updated_at: Timestamp,
    /// How many consecutive records were rejected for one reason, up to `next_offset`.
    pub streak: Option<(Reason, i64)>,
}

/// A dead letter without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterRow {
    pub id: i64,
    pub topic: String,
    pub position: Position,
    pub key_bytes: Option<i64>,
    pub value_bytes: Option<i64>,
    pub reason: Reason,
    pub detail: String,
    pub first_seen_at: Timestamp,
    pub redriven_at: Option<Timestamp>,
    /// What its redrive came to, where that is known.
    pub redriven_as: Option<Accepted>,
    pub discarded_at: Option<Timestamp>,
    pub generation: i32,
    /// The record's timestamp, where it is known.
    pub recorded_at: Option<Timestamp>,
    /// Why an operator discarded it.
    pub discarded_why: Option<String>,
}

/// A dead letter in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterWhole {
    pub row: DeadLetterRow,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<Header>,
}

/// All given filters must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    pub reason: Option<Reason>,
    pub topic: Option<String>,
    pub partition: Option<i32>,
    /// First stored at this time or later.
    pub since: Option<Timestamp>,
    /// First stored before this time.
    pub until: Option<Timestamp>,
    /// Records whose key is this order's id.
    pub order: Option<Uuid>,
    /// Neither redriven nor discarded.
    pub open: bool,
}

/// The dead letters that are neither redriven nor discarded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenDeadLetters {
    /// Every reason, also those without any.
    pub counts: Vec<(Reason, i64)>,
    /// When the oldest of them was first stored.
    pub oldest: Option<Timestamp>,
}

/// A provider, with the totals of its orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderRow {
    pub id: String,
    pub name: Option<String>,
    pub telemetry: Telemetry,
    pub backlog: Backlog,
}

impl ProviderRow {
    /// Every known provider (named by an order, or with a scheduled replay), sorted by id.
    pub fn list(counts: &Counts, names: &BTreeMap<String, String>, backlogs: &[ProviderBacklog]) -> Vec<ProviderRow> {
        let mut by_provider: BTreeMap<&str, Vec<(&CountKey, i64)>> = BTreeMap::new();
        for (key, count) in counts.iter() {
            if let Some(id) = &key.provider_id {
                by_provider.entry(id).or_default().push((key, count));
            }
        }
        let mut backlog_of = BTreeMap::new();
        for provider in backlogs {
            if let Some(id) = &provider.provider_id {
                backlog_of.insert(id.as_str(), provider.backlog);
                by_provider.entry(id).or_default();
            }
        }
        let row = |(id, counts): (&str, Vec<(&CountKey, i64)>)| ProviderRow {
            id: id.to_owned(),
            name: names.get(id).cloned(),
            telemetry: Telemetry::sum(counts),
            backlog: backlog_of.get(id).copied().unwrap_or_default(),
        };
        by_provider.into_iter().map(row).collect()
    }
}
