//! A replay, in lists and with its order.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use crate::domain::orders::money::Money;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::ReplayRow;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayAnswer {
    pub provider_order_id: Uuid,
    pub replay_id: Uuid,
    provider_id: Option<String>,
    status: &'static str,
    requested_amount: Option<Money>,
    scheduled_for: Option<Timestamp>,
    performed_at: Option<Timestamp>,
    response: Option<String>,
    error: Option<String>,
    cancel_reason: Option<String>,
    rule_ids: Vec<String>,
    rule_metadata: BTreeMap<String, String>,
    attempts: i64,
}

impl From<ReplayRow> for ReplayAnswer {
    fn from(row: ReplayRow) -> ReplayAnswer {
        ReplayAnswer {
            provider_order_id: row.provider_order_id,
            replay_id: row.replay_id,
            provider_id: row.provider_id,
            status: row.status.as_str(),
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
