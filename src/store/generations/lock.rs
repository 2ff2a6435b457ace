//! Lets one process at a time change generations, by a lock that a crash releases.

use sqlx::postgres::PgConnection;

use crate::store::error::StoreError;

/// Work that is done by one process at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// rebuild, promote, rollback, drop.
    Rebuild,
    Verify,
}

impl Lock {
    fn key(self) -> i64 {
        match self {
            Lock::Rebuild => 0x666f_6c64_7265_6275,
            Lock::Verify => 0x666f_6c64_7665_7269,
        }
    }
}

/// Takes the lock for as long as the connection lasts; `false` if another process holds it.
pub async fn try_hold(conn: &mut PgConnection, lock: Lock) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(lock.key()).fetch_one(conn).await?)
}

/// Fails if the connection, and with it the lock, is lost.
pub async fn still_held(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("select 1").execute(conn).await?;
    Ok(())
}
