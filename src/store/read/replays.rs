//! Replays, listed by (provider_order_id, replay_id).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder};
use tracing::Instrument;
use uuid::Uuid;

use crate::domain::orders::replay::ReplayStatus;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::page::Page as ListPage;
use crate::domain::views::rows::{ReplayFilter, ReplayKey, ReplayRow};
use crate::store::error::StoreError;

use super::columns::{money, parsed, time_opt};
use super::page::{Cut, PageLimits};
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
    more: bool,
}

const COLUMNS: &str = "provider_order_id, replay_id, provider_id, status, requested_amount::text as requested_amount,
    currency, scheduled_for, performed_at, response, error, cancel_reason, rule_ids, rule_metadata, attempts";
const KEY: &str = "provider_order_id, replay_id";
const ORDER: &str = " order by provider_order_id, replay_id limit ";
/// Of what may be large. Texts are measured without being read.
const BYTES: &str = "octet_length(rule_metadata::text)::bigint + octet_length(rule_ids::text)
    + coalesce(octet_length(response), 0) + coalesce(octet_length(error), 0) + coalesce(octet_length(cancel_reason), 0)";

/// So many due replays are sorted for a page. Where more are due, some are found soon on the way through all of them.
const SORTED_MAX: i64 = 10_000;

impl View<'_> {
    /// Replays after the one at `after`.
    pub async fn replays(
        &mut self,
        filter: &ReplayFilter,
        after: Option<ReplayKey>,
        limits: PageLimits,
    ) -> Result<ListPage<ReplayRow>, StoreError> {
        let is_sorted = filter.due_before.is_some() && self.due(filter).await? < SORTED_MAX;
        let page = Page { schema: self.generation.schema(), filter, after, limit: limits.rows_and_one() };
        let mut query = QueryBuilder::<Postgres>::default();
        let cut = Cut { columns: COLUMNS, order: KEY, bytes: BYTES, limits };
        cut.push(&mut query, |query| if is_sorted { page.push_due(query) } else { page.push_walk(query) });
        let rows: Vec<Row> = query
            .build_query_as()
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.replays.list"))
            .await?;
        let more = rows.last().is_some_and(|row| row.more);
        Ok(ListPage { rows: rows.into_iter().map(ReplayRow::try_from).collect::<Result<_, _>>()?, more })
    }

    /// How many replays are due by the filter's time, as far as that matters.
    async fn due(&mut self, filter: &ReplayFilter) -> Result<i64, StoreError> {
        let page = Page { schema: self.generation.schema(), filter, after: None, limit: SORTED_MAX };
        let mut query = QueryBuilder::<Postgres>::new("select count(*) from (");
        page.push_ranges(&mut query, "provider_id", |page, query| {
            query.push(" limit ").push_bind(page.limit);
        });
        query.push(") due");
        let (due,) = query
            .build_query_as()
            .fetch_one(&mut *self.conn)
            .instrument(tracing::debug_span!("db.replays.count_due"))
            .await?;
        Ok(due)
    }
}

/// One page of the list, as SQL whose cost follows the page rather than the table. A status is a literal, so that the
/// partial indexes on scheduled replays apply.
struct Page<'f> {
    schema: String,
    filter: &'f ReplayFilter,
    after: Option<ReplayKey>,
    limit: i64,
}

impl Page<'_> {
    /// Sorts what is due, found by its time.
    fn push_due(&self, query: &mut QueryBuilder<Postgres>) {
        query.push("with due as materialized (");
        self.push_ranges(query, "*", |page, query| page.push_after(query));
        query.push(format!(") select * from due{ORDER}")).push_bind(self.limit);
    }

    /// The two ranges of due times; written with `or`, Postgres may read the whole table.
    fn push_ranges(
        &self,
        query: &mut QueryBuilder<Postgres>,
        columns: &str,
        end: impl Fn(&Self, &mut QueryBuilder<Postgres>),
    ) {
        for (number, range) in ["scheduled_for is null", "scheduled_for <= "].into_iter().enumerate() {
            query.push(if number == 0 { "(" } else { " union all (" });
            query.push(format!("select {columns} from {}.replays where status = 'scheduled' and {range}", self.schema));
            if number == 1 {
                query.push_bind(self.filter.due_before.map(Timestamp::to_datetime));
            }
            self.push_filters(query, None);
            end(self, query);
            query.push(")");
        }
    }

    /// Follows an index in the order of the list. Those of a provider are ordered within a status alone: a page of each,
    /// merged.
    fn push_walk(&self, query: &mut QueryBuilder<Postgres>) {
        let statuses: Vec<Option<ReplayStatus>> = match self.filter {
            ReplayFilter { status: None, due_before: None, provider_id: Some(_), .. } => {
                ReplayStatus::ALL.map(Some).to_vec()
            }
            ReplayFilter { due_before: Some(_), .. } => vec![Some(ReplayStatus::Scheduled)],
            ReplayFilter { status, .. } => vec![*status],
        };
        query.push("select * from (");
        for (number, status) in statuses.into_iter().enumerate() {
            query.push(if number == 0 { "(" } else { " union all (" });
            query.push(format!("select * from {}.replays where true", self.schema));
            self.push_filters(query, status);
            if let Some(due_before) = self.filter.due_before {
                // Such that no index on times applies: all that it finds would have to be sorted.
                query.push(" and coalesce(scheduled_for, '-infinity') <= ").push_bind(due_before.to_datetime());
            }
            self.push_after(query);
            query.push(ORDER).push_bind(self.limit).push(")");
        }
        query.push(format!(") pages{ORDER}")).push_bind(self.limit);
    }

    /// `status`: instead of the filter's, which must hold too.
    fn push_filters(&self, query: &mut QueryBuilder<Postgres>, status: Option<ReplayStatus>) {
        let both = [status, self.filter.status.filter(|wanted| Some(*wanted) != status)];
        for status in both.into_iter().flatten() {
            query.push(format!(" and status = '{}'", status.as_str()));
        }
        if let Some(provider_id) = &self.filter.provider_id {
            query.push(" and provider_id = ").push_bind(provider_id.clone());
        }
        if let Some(order) = self.filter.provider_order_id {
            query.push(" and provider_order_id = ").push_bind(order);
        }
    }

    fn push_after(&self, query: &mut QueryBuilder<Postgres>) {
        if let (Some(after), Some(_)) = (self.after, self.filter.provider_order_id) {
            // With the order given, a comparison of both columns would not be where the index is entered.
            query.push(" and replay_id > ").push_bind(after.replay_id);
        } else if let Some(after) = self.after {
            query.push(" and (provider_order_id, replay_id) > (").push_bind(after.provider_order_id);
            query.push(", ").push_bind(after.replay_id).push(")");
        }
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
