//! What one process of a database does at a time, by an advisory lock that a crash frees.

use sqlx::postgres::PgConnection;

use crate::store::error::StoreError;

/// What is locked. Keys are eight letters in ASCII; `hold.rs` has those of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// rebuild, promote, rollback, drop.
    Rebuild,
    Verify,
    /// Publishing to Redis and the gauges: who holds it leads.
    Publisher,
    /// Building the indexes that generations lack.
    Indexes,
}

impl Lock {
    fn key(self) -> i64 {
        match self {
            Lock::Rebuild => 0x666f_6c64_7265_6275,
            Lock::Verify => 0x666f_6c64_7665_7269,
            Lock::Publisher => 0x666f_6c64_6261_636b,
            Lock::Indexes => 0x666f_6c64_696e_6478,
        }
    }
}

/// Takes the lock for as long as the connection lasts; `false` if another process holds it.
pub async fn try_hold(conn: &mut PgConnection, lock: Lock) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(lock.key()).fetch_one(conn).await?)
}

/// Whether no other process holds it now.
pub async fn is_free(conn: &mut PgConnection, lock: Lock) -> Result<bool, StoreError> {
    let is_free = try_hold(conn, lock).await?;
    if is_free {
        sqlx::query("select pg_advisory_unlock($1)").bind(lock.key()).execute(conn).await?;
    }
    Ok(is_free)
}

/// Fails if the connection, and with it the lock, is lost.
pub async fn still_held(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("select 1").execute(conn).await?;
    Ok(())
}
