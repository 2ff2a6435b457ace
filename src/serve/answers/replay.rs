//! A replay, in lists and with its order.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::orders::money::Money;
use crate::domain::orders::replay::ReplayStatus;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::ReplayRow;

/// A replay of an order: the provider is asked again, now or later.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Replay)]
pub struct ReplayAnswer {
    /// The order it belongs to.
    #[schema(examples("c56a4180-65aa-42ec-a945-5fd21dec0538"))]
    provider_order_id: Uuid,
    /// Unique within its order.
    #[schema(examples("3f0c2a54-8a1e-4c0b-9d0e-6f2b1c7d9a01"))]
    replay_id: Uuid,
    /// The order's provider; null while its OrderPlaced event is missing.
    #[schema(examples("alder"))]
    provider_id: Option<String>,
    status: ReplayStatus,
    /// The amount that was asked for.
    requested_amount: Option<Money>,
    /// When it is due; null if no event gives a time, which makes a scheduled replay due at once.
    #[schema(examples("2026-11-23T12:00:00.000000+00:00"))]
    scheduled_for: Option<Timestamp>,
    /// When it was last attempted; null before the first attempt.
    #[schema(examples("2026-11-23T10:05:30.250000+00:00"))]
    performed_at: Option<Timestamp>,
    /// The provider's last response, as received.
    #[schema(examples("{\"accepted\":true}"))]
    response: Option<String>,
    /// Why the last failed attempt failed.
    #[schema(examples("the provider answered 503"))]
    error: Option<String>,
    /// Why it was cancelled.
    #[schema(examples("refilled instead"))]
    cancel_reason: Option<String>,
    /// The override rules that asked for it.
    #[schema(examples(json!(["rule-peak-hours"])))]
    rule_ids: Vec<String>,
    /// What those rules recorded with it.
    #[schema(examples(json!({"label": "Peak hours"})))]
    rule_metadata: BTreeMap<String, String>,
    /// How often it was executed or failed.
    #[schema(minimum = 0, examples(1))]
    attempts: i64,
}

impl From<ReplayRow> for ReplayAnswer {
    fn from(row: ReplayRow) -> ReplayAnswer {
        ReplayAnswer {
            provider_order_id: row.provider_order_id,
            replay_id: row.replay_id,
            provider_id: row.provider_id,
            status: row.status,
            requested_amount: row.requested_amount,
            scheduled_for: row.scheduled_for,
            performed_at: row.performed_at,
            response: row.response,
            error: row.error,
            cancel_reason: row.cancel_reason,
            rule_ids: row.rule_ids,
            rule_metadata: row.rule_metadata,
            attempts: row.attempts,
        }
    }
}
