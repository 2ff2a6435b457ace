//! Replays, listed by (provider_order_id, replay_id).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder};
use tracing::Instrument;
use uuid::Uuid;

use crate::domain::orders::replay::ReplayStatus;
use crate::domain::views::rows::{ReplayFilter, ReplayKey, ReplayRow};
use crate::store::error::StoreError;

use super::columns::{money, parsed, time_opt};
use super::snapshot::View;

#[derive(sqlx::FromRow)]
struct Row {
    provider_order_id: Uuid,
    replay_id: Uuid,
    provider_id: Option<String>,
    status: String,
    requested_amount: Option<String>,
    currency: Option<String>,
    scheduled_for: Option<DateTime<Utc>>,
    performed_at: Option<DateTime<Utc>>,
    response: Option<String>,
    error: Option<String>,
    cancel_reason: Option<String>,
    rule_ids: Vec<String>,
    rule_metadata: Json<BTreeMap<String, String>>,
    attempts: i64,
}

impl View<'_> {
    /// At most `limit` replays after the one at `after`.
    pub async fn replays(
        &mut self,
        filter: &ReplayFilter,
        after: Option<ReplayKey>,
        limit: u32,
    ) -> Result<Vec<ReplayRow>, StoreError> {
        let mut query = QueryBuilder::<Postgres>::new(format!(
            "select provider_order_id, replay_id, provider_id, status, requested_amount::text as requested_amount,
                    currency, scheduled_for, performed_at, response, error, cancel_reason, rule_ids, rule_metadata, attempts
               from {}.replays where true",
            self.generation.schema()
        ));
        push_filter(&mut query, filter);
        if let Some(after) = after {
            query.push(" and (provider_order_id, replay_id) > (").push_bind(after.provider_order_id);
            query.push(", ").push_bind(after.replay_id).push(")");
        }
        query.push(" order by provider_order_id, replay_id limit ").push_bind(i64::from(limit));
        let rows: Vec<Row> = query
            .build_query_as()
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.replays.list"))
            .await?;
        rows.into_iter().map(ReplayRow::try_from).collect()
    }
}

/// The status is a literal rather than a parameter, so that the partial indexes on scheduled replays apply.
fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &ReplayFilter) {
    if let Some(status) = filter.status {
        query.push(format!(" and status = '{}'", status.as_str()));
    }
    if let Some(provider_id) = &filter.provider_id {
        query.push(" and provider_id = ").push_bind(provider_id.clone());
    }
    if let Some(due_before) = filter.due_before {
        query.push(" and status = 'scheduled' and (scheduled_for is null or scheduled_for <= ");
        query.push_bind(due_before.to_datetime()).push(")");
    }
}

impl TryFrom<Row> for ReplayRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<ReplayRow, StoreError> {
        Ok(ReplayRow {
            provider_order_id: row.provider_order_id,
            replay_id: row.replay_id,
            provider_id: row.provider_id,
            status: parsed("replays", "status", &row.status, ReplayStatus::parse)?,
            requested_amount: money("replays", row.requested_amount, row.currency)?,
            scheduled_for: time_opt(row.scheduled_for),
            performed_at: time_opt(row.performed_at),
            response: row.response,
            error: row.error,
            cancel_reason: row.cancel_reason,
            rule_ids: row.rule_ids,
            rule_metadata: row.rule_metadata.0,
            attempts: row.attempts,
        })
    }
}
