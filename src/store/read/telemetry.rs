//! The counts behind telemetry, and the providers' names.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use tracing::Instrument;

use crate::domain::orders::telemetry::{CountKind, Counted, Counts};
use crate::store::error::StoreError;

use super::columns::parsed;
use super::snapshot::View;

#[derive(sqlx::FromRow)]
struct CountRow {
    kind: String,
    provider_id: Option<String>,
    service_id: Option<String>,
    rule_id: Option<String>,
    label: Option<String>,
    count: i64,
}

impl View<'_> {
    /// All counts, summed over the slots.
    pub async fn counts(&mut self) -> Result<Counts, StoreError> {
        let sql = format!(
            "select kind, provider_id, service_id, rule_id, label, sum(count)::bigint as count
               from {}.telemetry_counts group by kind, provider_id, service_id, rule_id, label having sum(count) <> 0",
            self.generation.schema()
        );
        let rows: Vec<CountRow> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.telemetry_counts.list"))
            .await?;
        let mut counts = Counts::default();
        for row in rows {
            counts.add(&row.counted()?, row.count);
        }
        Ok(counts)
    }

    /// The name of every provider that has one.
    pub async fn provider_names(&mut self) -> Result<BTreeMap<String, String>, StoreError> {
        let sql = format!(
            "select distinct on (provider_id) provider_id, name from {}.provider_names
              order by provider_id, occurred_at desc, provider_order_id desc, sequence desc",
            self.generation.schema()
        );
        let rows: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.provider_names.list"))
            .await?;
        Ok(rows.into_iter().collect())
    }

    /// Number of orders that miss at least one sequence.
    pub async fn orders_with_gaps(&mut self) -> Result<i64, StoreError> {
        self.count_of(CountKind::Gaps).await
    }

    /// Number of orders, placed or not.
    pub async fn orders(&mut self) -> Result<i64, StoreError> {
        self.count_of(CountKind::Orders).await
    }

    async fn count_of(&mut self, kind: CountKind) -> Result<i64, StoreError> {
        // The kind is a literal, so that the partial index on totals applies.
        let sql = format!(
            "select coalesce(sum(count), 0)::bigint from {}.telemetry_counts where kind = '{}'",
            self.generation.schema(),
            kind.as_str()
        );
        let (count,) = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_one(&mut *self.conn)
            .instrument(tracing::debug_span!("db.telemetry_counts.count"))
            .await?;
        Ok(count)
    }
}

impl CountRow {
    fn counted(&self) -> Result<Counted<'_>, StoreError> {
        Ok(Counted {
            kind: parsed("telemetry_counts", "kind", &self.kind, CountKind::parse)?,
            provider_id: self.provider_id.as_deref(),
            service_id: self.service_id.as_deref(),
            rule_id: self.rule_id.as_deref(),
            label: self.label.as_deref(),
        })
    }
}
