//! Telemetry counts of a load: each settling transaction copies its deltas into a table of the load, and one statement
//! sums them up in the end.
//!
//! Most of the counted keys occur in every transaction. Upserting them into `telemetry_counts` each time would update
//! the same rows over and over, and look each of them up in the index.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::steps::{Step, finish};
use crate::domain::orders::telemetry::Counts;
use crate::store::error::StoreError;
use crate::store::generations::Generation;
use crate::store::tables::copy::Copy;
use crate::store::tables::counts::adding;

const TABLE: &str = include_str!("../sql/load_telemetry.sql");
const COLUMNS: &str = "kind, provider_id, service_id, rule_id, label, count";
/// The slot that the sums go to. Live workers add to it, as to any other.
const SLOT: i32 = 0;

/// Creates the table unless it is there. What a version without it has settled is in `telemetry_counts` already.
pub(super) async fn prepare(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    sqlx::raw_sql(generation.sql(TABLE)).execute(conn).await?;
    Ok(())
}

pub(super) async fn is_prepared(conn: &mut PgConnection, generation: Generation) -> Result<bool, StoreError> {
    let sql = "select to_regclass('{schema}.load_telemetry') is not null";
    Ok(sqlx::query_scalar(generation.sql(sql)).fetch_one(conn).await?)
}

/// Puts the deltas of some slices aside, in the transaction that settles them.
pub(super) async fn put(conn: &mut PgConnection, generation: Generation, counts: &Counts) -> Result<(), StoreError> {
    if counts.is_empty() {
        return Ok(());
    }
    let table = format!("{}.load_telemetry", generation.schema());
    let mut copy = Copy::begin(conn, &table, COLUMNS).await?;
    for (key, count) in counts.iter() {
        copy.rows.row(6);
        copy.rows.text(key.kind.as_str());
        for text in [&key.provider_id, &key.service_id, &key.rule_id, &key.label] {
            copy.rows.optional(text.as_deref(), |rows, text| rows.text(text));
        }
        copy.rows.int8(count);
        copy.flush().await?;
    }
    copy.finish().await?;
    Ok(())
}

/// Adds the sums of all slices to the counts, and records that the load has settled: both or neither, so that it may
/// be repeated when the outcome of a commit is unknown.
pub async fn finish_settling(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let mut tx = conn.begin().await?;
    if !finish(&mut tx, generation, Step::Settled).await? {
        return Ok(());
    }
    let sql = adding(
        "select $1, kind, provider_id, service_id, rule_id, label, sum(count)::bigint from {schema}.load_telemetry
          group by kind, provider_id, service_id, rule_id, label having sum(count) <> 0",
    );
    sqlx::query(generation.sql(&sql)).bind(SLOT).execute(&mut *tx).await?;
    sqlx::query(generation.sql("truncate {schema}.load_telemetry")).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}
