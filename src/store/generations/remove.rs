//! Removes generations that are no longer needed.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::generation::Generation;
use super::hold::fence;
use crate::store::error::StoreError;

/// Drops a generation and its schema. Returns `false`, and changes nothing, if it is live or does not exist.
pub async fn drop_generation(conn: &mut PgConnection, generation: Generation) -> Result<bool, StoreError> {
    let mut tx = conn.begin().await?;
    // Whoever builds it is waited for, and finds it gone.
    fence(&mut tx, generation).await?;
    let sql = "delete from foldback.generations where generation = $1 and state <> 'live'";
    if sqlx::query(sql).bind(generation.0).execute(&mut *tx).await?.rows_affected() == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    sqlx::query(generation.sql("drop schema if exists {schema} cascade")).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(true)
}

/// Drops every shadow left by interrupted `verify` runs. The caller holds `verify`'s lock.
pub async fn drop_shadows(conn: &mut PgConnection) -> Result<(), StoreError> {
    let shadows: Vec<i32> = sqlx::query_scalar("select generation from foldback.generations where generation < 0")
        .fetch_all(&mut *conn)
        .await?;
    for shadow in shadows {
        drop_generation(conn, Generation(shadow)).await?;
    }
    Ok(())
}

/// Drops the kept generations beyond the `keep` newest, and returns them.
pub async fn retire(conn: &mut PgConnection, keep: usize) -> Result<Vec<Generation>, StoreError> {
    let sql = "select generation from foldback.generations where state = 'kept'
                order by promoted_at desc nulls last, generation desc offset $1";
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    let old: Vec<i32> = sqlx::query_scalar(sql).bind(keep).fetch_all(&mut *conn).await?;
    let mut dropped = Vec::new();
    for generation in old.into_iter().map(Generation) {
        if drop_generation(conn, generation).await? {
            dropped.push(generation);
        }
    }
    Ok(dropped)
}
