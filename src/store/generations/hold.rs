//! Holds a generation as it is until a transaction ends.
//!
//! Transactions that write or publish a generation share an advisory lock; a cut-over, a rollback and a removal take it
//! alone. The lock manager queues both in the order in which they ask. See ADR 15.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row};
use tracing::Instrument;

use super::generation::Generation;
use crate::store::error::StoreError;

/// First key of all these locks: "fold" in ASCII. Locks with two keys never meet those with one (`lock.rs`).
const CLASS: i32 = 0x666f_6c64;
/// Second key of the lock on which generation is live; no generation has this number. A generation's own lock has its
/// number.
const LIVE: i32 = 0;

/// What a transaction needs a generation to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// Live: the given one, or whichever is; folded by the given projection version, or by any.
    Live { generation: Option<Generation>, projection_version: Option<i32> },
    /// Built by a rebuild or a verification: loading still, or also already `ready`.
    Building { generation: Generation, or_ready: bool },
}

/// Holds a generation as it is until the transaction ends, and returns which one. Must be the transaction's first
/// statement: whoever waits for this lock holds no other, so that no deadlock can come of it.
///
/// At repeatable read the snapshot is older than the lock, since the statement that waits takes it: what a cut-over
/// changed in that time is not seen. Such a transaction must write a row that every cut-over writes.
///
/// Errors: `NotLive`, `NotBuilding`; `NotMigrated` where no generation is live at all.
pub async fn hold(conn: &mut PgConnection, required: Required) -> Result<Generation, StoreError> {
    // One round trip, and two statements: at read committed the second one's snapshot is newer than the lock.
    let sql = format!(
        "select pg_advisory_xact_lock_shared({CLASS}, {});
         select generation, state, projection_version from foldback.generations where {}",
        required.key(),
        required.condition(),
    );
    let hold =
        sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(conn).instrument(tracing::debug_span!("db.generations.hold"));
    // The first row is the lock's.
    required.check(hold.await?.get(1))
}

/// Waits for every transaction that holds the live generation, and keeps new ones waiting until this one ends. Bounded by
/// `lock_timeout`.
pub(super) async fn fence_live(conn: &mut PgConnection) -> Result<(), StoreError> {
    fence_key(conn, LIVE).await
}

/// The same for those that build a generation.
pub(super) async fn fence(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    fence_key(conn, generation.0).await
}

async fn fence_key(conn: &mut PgConnection, key: i32) -> Result<(), StoreError> {
    sqlx::query("select pg_advisory_xact_lock($1, $2)").bind(CLASS).bind(key).execute(conn).await?;
    Ok(())
}

impl Required {
    fn key(self) -> i32 {
        match self {
            Required::Live { .. } => LIVE,
            Required::Building { generation, .. } => generation.0,
        }
    }

    /// Nothing but a number goes into the text.
    fn condition(self) -> String {
        match self {
            Required::Live { .. } => "state = 'live'".to_owned(),
            Required::Building { generation, .. } => format!("generation = {}", generation.0),
        }
    }

    fn check(self, row: Option<&PgRow>) -> Result<Generation, StoreError> {
        let found = row.map(Found::read).transpose()?;
        match self {
            Required::Live { generation, projection_version } => {
                let fits = |found: &Found| {
                    generation.is_none_or(|wanted| wanted == found.generation)
                        && projection_version.is_none_or(|wanted| wanted == found.projection_version)
                };
                let refusal = generation.map_or(StoreError::NotMigrated, |wanted| StoreError::NotLive(wanted.0));
                found.filter(fits).map(|found| found.generation).ok_or(refusal)
            }
            Required::Building { generation, or_ready } => {
                let fits = |found: &Found| found.state == "building" || or_ready && found.state == "ready";
                found.filter(fits).map(|found| found.generation).ok_or(StoreError::NotBuilding(generation.0))
            }
        }
    }
}

struct Found {
    generation: Generation,
    state: String,
    projection_version: i32,
}

impl Found {
    fn read(row: &PgRow) -> Result<Found, sqlx::Error> {
        Ok(Found {
            generation: Generation(row.try_get("generation")?),
            state: row.try_get("state")?,
            projection_version: row.try_get("projection_version")?,
        })
    }
}
