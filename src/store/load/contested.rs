//! Contested (contested) orders: those in which two events have the same sequence.

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};
use uuid::Uuid;

use super::steps::{self, Step};
use crate::domain::change::HistoryEntry;
use crate::store::error::StoreError;
use crate::store::generations::Generation;
use crate::store::tables::history;

/// Moves the events of contested orders, and copies, out of the history, so that its key can be built.
pub async fn move_claims(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let mut tx = conn.begin().await?;
    let empty = "create table {schema}.load_claims as select * from {schema}.provider_order_events with no data";
    sqlx::query(generation.sql(empty)).execute(&mut *tx).await?;
    let contested = "event.provider_order_id = moved.provider_order_id";
    let copies = "event.partition = moved.partition and event.\"offset\" = moved.\"offset\"";
    let mut some = false;
    for (table, is_same) in [("load_tangled", contested), ("load_copies", copies)] {
        some |= move_rows(&mut tx, generation, table, is_same).await?;
    }
    if some {
        let index = "create index on {schema}.load_claims (provider_order_id)";
        sqlx::query(generation.sql(index)).execute(&mut *tx).await?;
    }
    steps::finish(&mut tx, generation, Step::Parted).await?;
    Ok(tx.commit().await?)
}

/// Moves the events that a table names. Returns whether it names any.
async fn move_rows(
    conn: &mut PgConnection,
    generation: Generation,
    table: &str,
    is_same: &str,
) -> Result<bool, StoreError> {
    let some = generation.sql(&format!("select exists (select from {{schema}}.{table})"));
    let some: bool = sqlx::query_scalar(some).fetch_one(&mut *conn).await?;
    if some {
        sqlx::query(generation.sql(&format!("analyze {{schema}}.{table}"))).execute(&mut *conn).await?;
        let sql = format!(
            "with gone as (delete from {{schema}}.provider_order_events as event using {{schema}}.{table} as moved
                            where {is_same} returning event.*)
             insert into {{schema}}.load_claims select * from gone"
        );
        sqlx::query(generation.sql(&sql)).execute(conn).await?;
    }
    Ok(some)
}

/// Some of the orders that are still contested: at most `limit`.
pub async fn next_tangled(
    conn: &mut PgConnection,
    generation: Generation,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let sql = "select provider_order_id from {schema}.load_tangled order by provider_order_id limit $1";
    Ok(sqlx::query_scalar(generation.sql(sql)).bind(limit).fetch_all(conn).await?)
}

/// All events of these orders, copies and conflicts included.
pub async fn claims(
    conn: &mut PgConnection,
    generation: Generation,
    orders: &[Uuid],
) -> Result<Vec<HistoryEntry>, StoreError> {
    let sql = "select provider_order_id, sequence, event_id, event_type, occurred_at, payload::text as payload,
                      partition, \"offset\", recorded_at
                 from {schema}.load_claims where provider_order_id = any($1)";
    let rows = sqlx::query(generation.sql(sql)).bind(orders).fetch_all(conn).await?;
    rows.iter().map(history::decode).collect()
}

/// Marks these orders as done.
pub async fn forget(conn: &mut PgConnection, generation: Generation, orders: &[Uuid]) -> Result<(), StoreError> {
    let sql = "delete from {schema}.load_tangled where provider_order_id = any($1)";
    sqlx::query(generation.sql(sql)).bind(orders).execute(conn).await?;
    Ok(())
}

/// Recomputes the names of the providers that a contested order may have named wrongly.
pub async fn renew_names(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let sql = "select distinct payload->>'provider_id' as provider_id from {schema}.load_claims
                where event_type = 'order_placed'";
    let rows = sqlx::query(generation.sql(sql)).fetch_all(&mut *conn).await?;
    let providers = rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_, StoreError>>()?;
    crate::store::tables::find_names_again(conn, generation, 0, &providers).await
}
