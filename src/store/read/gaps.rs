//! Orders that miss events, by id.
//!
//! Which sequences are missing is in an order's row; since when is asked of its history, so that it follows from the log
//! alone and needs no state of the fold. Both are found by index, however many orders there are.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};
use tracing::Instrument;
use uuid::Uuid;

use crate::domain::orders::sequence::SequenceSet;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::gaps::{GapFilter, GapPage, MissingRange, OrderGaps};
use crate::store::error::StoreError;

use super::columns::time_opt;
use super::snapshot::View;

const TABLE: &str = "provider_orders";
/// Missing ranges that are listed of an order.
const RANGES_MAX: usize = 100;
/// Events behind the first missing one that are looked at for the earliest timestamp. An order may have millions, and those
/// that come right behind the gap were recorded first, but for a publisher that writes backwards.
const EVENTS_MAX: i64 = 1_000;
/// Orders that are read at a time where not every one is listed.
const CHUNK_MIN: u32 = 200;

/// The sequence of the first missing event. Its bounds are sorted, and never empty.
const FIRST_MISSING: &str = "case when fold_seen[1] > 1 then 1 else fold_seen[2] + 1 end";

/// Bounds of a page.
#[derive(Debug, Clone, Copy)]
pub struct GapLimits {
    pub rows_max: u32,
    /// Orders that are looked at, whether they match or not.
    pub orders_max: u32,
}

#[derive(sqlx::FromRow)]
struct Row {
    provider_order_id: Uuid,
    last_sequence: i64,
    missing_events: i64,
    bounds: Vec<i64>,
    missing_ranges: i64,
    since: Option<DateTime<Utc>>,
}

impl View<'_> {
    /// Orders that miss events, with ids behind `after` (`None`: from the first).
    pub async fn gaps(
        &mut self,
        filter: &GapFilter,
        after: Option<Uuid>,
        limits: GapLimits,
    ) -> Result<GapPage, StoreError> {
        let (mut page, mut looked_at) = (GapPage { rows: Vec::new(), next_after: after }, 0);
        let chunk = if filter.since_before.is_some() { CHUNK_MIN } else { 0 };
        while looked_at < limits.orders_max {
            // One more than is listed, which tells whether another page follows.
            let wanted = (limits.rows_max + 1).max(chunk).min(limits.orders_max - looked_at);
            let found = self.orders_that_miss(filter.order, page.next_after, wanted).await?;
            let is_end = found.len() < wanted as usize;
            looked_at += wanted;
            for gaps in found {
                if page.rows.len() == limits.rows_max as usize {
                    return Ok(page);
                }
                page.next_after = Some(gaps.provider_order_id);
                if filter.matches(&gaps) {
                    page.rows.push(gaps);
                }
            }
            if is_end {
                page.next_after = None;
                return Ok(page);
            }
        }
        Ok(page)
    }

    async fn orders_that_miss(
        &mut self,
        order: Option<Uuid>,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<OrderGaps>, StoreError> {
        let schema = self.generation.schema();
        let mut query = QueryBuilder::<Postgres>::new(format!(
            "select provider_order_id, last_sequence, missing_events, fold_seen[1:{}] as bounds,
                    (cardinality(fold_seen) / 2 - case when fold_seen[1] = 1 then 1 else 0 end)::bigint as missing_ranges,
                    (select min(recorded_at) from (
                        select recorded_at from {schema}.provider_order_events as event
                         where event.provider_order_id = missing.provider_order_id and event.sequence > {FIRST_MISSING}
                         order by event.sequence limit {EVENTS_MAX}) as behind) as since
               from {schema}.provider_orders as missing where missing_events > 0",
            2 * (RANGES_MAX + 1),
        ));
        if let Some(order) = order {
            query.push(" and provider_order_id = ").push_bind(order);
        }
        if let Some(after) = after {
            query.push(" and provider_order_id > ").push_bind(after);
        }
        query.push(" order by provider_order_id limit ").push_bind(i64::from(limit));
        let rows: Vec<Row> = query
            .build_query_as()
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.provider_orders.gaps"))
            .await?;
        rows.into_iter().map(OrderGaps::try_from).collect()
    }

    /// The oldest gap among at most `limit` orders behind `after`, and behind which order the next ones follow.
    pub async fn oldest_gap(
        &mut self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(Option<Timestamp>, Option<Uuid>), StoreError> {
        let limits = GapLimits { rows_max: limit, orders_max: limit.saturating_add(1) };
        let page = self.gaps(&GapFilter::default(), after, limits).await?;
        Ok((page.rows.iter().filter_map(|gaps| gaps.since).min(), page.next_after))
    }
}

impl TryFrom<Row> for OrderGaps {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<OrderGaps, StoreError> {
        let seen = SequenceSet::from_bounds(&row.bounds).ok_or_else(|| StoreError::Corrupt {
            table: TABLE,
            detail: format!("fold_seen of order {}", row.provider_order_id),
        })?;
        let missing = seen.gaps().take(RANGES_MAX).map(|(first, last)| MissingRange { first, last }).collect();
        Ok(OrderGaps {
            provider_order_id: row.provider_order_id,
            since: time_opt(row.since),
            last_sequence: row.last_sequence,
            missing_events: row.missing_events,
            missing,
            missing_ranges: row.missing_ranges,
        })
    }
}
