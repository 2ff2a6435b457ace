//! Adds deltas to the counts behind telemetry and backlog.

use sqlx::postgres::PgConnection;

use crate::domain::orders::telemetry::{CountKey, Counts};
use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// A statement that adds rows to the counts. `rows`: a query for slot, kind, provider, service, rule, label and count, each
/// key once.
pub(in crate::store) fn adding(rows: &str) -> String {
    format!(
        "insert into {{schema}}.telemetry_counts as stored
             (slot, kind, provider_id, service_id, rule_id, label, count)
         {rows}
         on conflict on constraint telemetry_counts_key do update set count = stored.count + excluded.count"
    )
}

/// `slot`: shard of the counters. Rows of a slot are written by one worker at a time, except around a rebalance.
pub async fn add(
    conn: &mut PgConnection,
    generation: Generation,
    slot: i32,
    counts: &Counts,
) -> Result<(), StoreError> {
    if counts.is_empty() {
        return Ok(());
    }
    let sql =
        adding("select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])");
    fn column<'a, T>(keys: &[&'a CountKey], value: impl Fn(&'a CountKey) -> T) -> Vec<T> {
        keys.iter().map(|key| value(key)).collect()
    }
    let (keys, deltas): (Vec<&CountKey>, Vec<i64>) = counts.iter().unzip();
    sqlx::query(generation.sql(&sql))
        .bind(slot)
        .bind(column(&keys, |key| key.kind.as_str()))
        .bind(column(&keys, |key| key.provider_id.as_deref()))
        .bind(column(&keys, |key| key.service_id.as_deref()))
        .bind(column(&keys, |key| key.rule_id.as_deref()))
        .bind(column(&keys, |key| key.label.as_deref()))
        .bind(deltas)
        .execute(conn)
        .await?;
    Ok(())
}
