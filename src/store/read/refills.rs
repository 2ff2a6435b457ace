//! Refills of an order, listed by refill_id.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};
use tracing::Instrument;
use uuid::Uuid;

use crate::domain::orders::refill::Refill;
use crate::domain::views::page::Page;
use crate::store::error::StoreError;

use super::columns::{money, time};
use super::page::{Cut, PageLimits};
use super::snapshot::View;

const TABLE: &str = "refills";
const COLUMNS: &str = "refill_id, amount::text as amount, currency, performed_at, response, fold_sequence";
const BYTES: &str = "coalesce(octet_length(response), 0)::bigint";

#[derive(sqlx::FromRow)]
struct Row {
    refill_id: Uuid,
    amount: String,
    currency: String,
    performed_at: DateTime<Utc>,
    response: Option<String>,
    fold_sequence: i64,
    more: bool,
}

impl View<'_> {
    /// Refills of the order after the one with the id `after`.
    pub async fn refills(
        &mut self,
        order: Uuid,
        after: Option<Uuid>,
        limits: PageLimits,
    ) -> Result<Page<Refill>, StoreError> {
        let schema = self.generation.schema();
        let mut query = QueryBuilder::<Postgres>::default();
        Cut { columns: COLUMNS, order: "refill_id", bytes: BYTES, limits }.push(&mut query, |query| {
            query.push(format!("select * from {schema}.{TABLE} where provider_order_id = ")).push_bind(order);
            if let Some(after) = after {
                query.push(" and refill_id > ").push_bind(after);
            }
            query.push(" order by refill_id limit ").push_bind(limits.rows_and_one());
        });
        let rows: Vec<Row> = query
            .build_query_as()
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.refills.list"))
            .await?;
        let more = rows.last().is_some_and(|row| row.more);
        Ok(Page { rows: rows.into_iter().map(Refill::try_from).collect::<Result<_, _>>()?, more })
    }
}

impl TryFrom<Row> for Refill {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Refill, StoreError> {
        let amount = money(TABLE, Some(row.amount), Some(row.currency))?;
        let detail = || StoreError::Corrupt { table: TABLE, detail: format!("amount of refill {}", row.refill_id) };
        Ok(Refill {
            refill_id: row.refill_id,
            sequence: row.fold_sequence,
            amount: amount.ok_or_else(detail)?,
            performed_at: time(row.performed_at),
            response: row.response,
        })
    }
}
