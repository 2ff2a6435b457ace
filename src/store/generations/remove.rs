//! Removes generations that are no longer needed.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::generation::Generation;
use super::hold::fence;
use crate::store::error::StoreError;

/// How long to wait for whoever uses a generation that is to be dropped. New readers of it wait meanwhile.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '2s'";

/// Drops a generation and its schema. Returns `false`, and changes nothing, if it is live or does not exist; fails with
/// `Contention` if a transaction has read it and has not ended within two seconds.
pub async fn drop_generation(conn: &mut PgConnection, generation: Generation) -> Result<bool, StoreError> {
    let mut tx = conn.begin().await?;
    sqlx::query(LOCK_TIMEOUT).execute(&mut *tx).await?;
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

/// What became of the generations that were no longer to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retired {
    pub dropped: Vec<Generation>,
    /// A transaction has read it and has not ended.
    pub in_use: Vec<Generation>,
}

/// Drops the kept generations beyond the `keep` newest, as far as nobody uses them.
pub async fn retire(conn: &mut PgConnection, keep: usize) -> Result<Retired, StoreError> {
    let sql = "select generation from foldback.generations where state = 'kept'
                order by promoted_at desc nulls last, generation desc offset $1";
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    let old: Vec<i32> = sqlx::query_scalar(sql).bind(keep).fetch_all(&mut *conn).await?;
    let mut retired = Retired::default();
    for generation in old.into_iter().map(Generation) {
        match drop_generation(conn, generation).await {
            Ok(true) => retired.dropped.push(generation),
            Ok(false) => {}
            Err(StoreError::Contention(_)) => retired.in_use.push(generation),
            Err(error) => return Err(error),
        }
    }
    Ok(retired)
}
