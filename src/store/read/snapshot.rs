//! The live generation, looked up once per snapshot.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use tracing::Instrument;

use crate::domain::timestamp::Timestamp;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

use super::columns::time;

/// Hands out snapshots.
#[derive(Debug, Clone)]
pub struct Reader {
    pool: PgPool,
}

impl Reader {
    pub fn new(pool: PgPool) -> Reader {
        Reader { pool }
    }

    /// Opens a read-only snapshot of the live generation. Views are resolved by the newest catalog rather than by the
    /// snapshot, so reads name the generation's own tables instead of the stable views.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let begin = "begin isolation level repeatable read read only";
        let mut tx = self.pool.begin_with(begin).await?;
        let (generation, as_of) = live_generation(&mut tx).await?;
        Ok(Snapshot { tx, generation, as_of })
    }

    /// The live generation right now.
    pub async fn generation(&self) -> Result<Generation, StoreError> {
        let mut connection = self.pool.acquire().await?;
        Ok(live_generation(&mut connection).await?.0)
    }
}

/// A consistent moment of one generation. Dropping it ends it.
pub struct Snapshot {
    tx: Transaction<'static, Postgres>,
    pub generation: Generation,
    /// Postgres's time at the snapshot.
    pub as_of: Timestamp,
}

impl Snapshot {
    pub fn view(&mut self) -> View<'_> {
        View { conn: &mut self.tx, generation: self.generation }
    }

    /// Lets the transaction wait as long as it likes between two reads, each of which may take this long.
    pub(super) async fn allow_idle(&mut self, statement_max: Duration) -> Result<(), StoreError> {
        let sql = "select set_config('idle_in_transaction_session_timeout', '0', true),
                          set_config('statement_timeout', $1, true)";
        sqlx::query(sql).bind(statement_max.as_millis().to_string()).execute(&mut *self.tx).await?;
        Ok(())
    }

    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.tx.rollback().await?)
    }
}

/// The reads themselves, on any connection (the publisher's has a transaction of its own).
pub struct View<'c> {
    pub(super) conn: &'c mut PgConnection,
    pub(super) generation: Generation,
}

impl<'c> View<'c> {
    pub fn new(conn: &'c mut PgConnection, generation: Generation) -> View<'c> {
        View { conn, generation }
    }
}

/// The live generation and Postgres's time.
async fn live_generation(conn: &mut PgConnection) -> Result<(Generation, Timestamp), StoreError> {
    let sql = "select generation, clock_timestamp() from foldback.generations where state = 'live'";
    let row: Option<(i32, DateTime<Utc>)> =
        sqlx::query_as(sql).fetch_optional(conn).instrument(tracing::debug_span!("db.generations.live")).await?;
    let (number, now) = row.ok_or(StoreError::NotMigrated)?;
    Ok((Generation(number), time(now)))
}
