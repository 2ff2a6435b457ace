//! What the publisher needs of Postgres: versions in the order of what they show, and the views.

pub mod expected;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgListener, PgPool};
use sqlx::{Postgres, Transaction};
use tracing::Instrument;

use super::commit::CHANGED_CHANNEL;
use super::error::StoreError;
use super::generations::{Generation, Required, hold, verifications};
use super::read::{LatestRuns, View};
use super::tables::slots;
use crate::domain::generations::verification::Proof;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::gaps::OldestGap;
use crate::domain::views::rows::OpenDeadLetters;
use crate::domain::views::snapshot::{Snapshot, Stamp};

/// How often a transaction that another one undid is tried again before the caller hears of it.
const CONTENTION_TRIES: u32 = 5;

/// Orders that miss an event of which one look finds the oldest, each with its history: some 30 ms.
const GAP_ORDERS_MAX: u32 = 1_000;

/// More slots of the counts than this are merged, whether a worker adds to them or not: nothing tells which.
const SLOTS_MAX: i64 = 8;
/// Rows of the counts that are moved at a time.
const SLOT_ROWS_MAX: i64 = 2_000;

/// Hears of every commit of a worker.
pub async fn listen(pool: &PgPool) -> Result<PgListener, StoreError> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANGED_CHANNEL).await?;
    Ok(listener)
}

/// A version that was taken, and what it shows; rolled back unless it is committed.
pub struct Pending {
    tx: Transaction<'static, Postgres>,
    pub snapshot: Snapshot,
    /// When the next scheduled replay falls due.
    pub next_due: Option<Timestamp>,
}

impl Pending {
    pub async fn commit(self) -> Result<Snapshot, StoreError> {
        self.tx.commit().await?;
        Ok(self.snapshot)
    }

    pub async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.tx.rollback().await?)
    }
}

/// Takes the next version and reads the live generation's views as of one moment. `runs`: as read before, if at all.
pub async fn begin(pool: &PgPool, runs: &mut LatestRuns) -> Result<Pending, StoreError> {
    let mut tries = 1;
    loop {
        match try_begin(pool, runs).await {
            Err(StoreError::Contention(_)) if tries < CONTENTION_TRIES => tries += 1,
            outcome => return outcome,
        }
    }
}

async fn try_begin(pool: &PgPool, runs: &mut LatestRuns) -> Result<Pending, StoreError> {
    let mut tx = pool.begin_with("begin isolation level repeatable read").await?;
    // The generation first, then the version: the order in which a cut-over locks them. The snapshot is older than the
    // lock; had a cut-over come between the two, the version's row would have changed, and taking it is refused.
    let generation = hold(&mut tx, Required::Live { generation: None, projection_version: None }).await?;
    let as_of = unsynced_now(&mut tx).await?;
    let stamp = take_version(&mut tx).await?;
    let content = expected::content(&mut tx, generation, as_of, runs).await?;
    let next_due = View::new(&mut tx, generation).next_due_after(as_of).await?;
    Ok(Pending { tx, snapshot: Snapshot { stamp, as_of, content }, next_due })
}

/// Postgres's time. A version that a crash loses is made up for: Redis is then ahead, and the publisher raises it again.
async fn unsynced_now(conn: &mut PgConnection) -> Result<Timestamp, StoreError> {
    let sql = "select clock_timestamp(), set_config('synchronous_commit', 'off', true)";
    let (now, _): (DateTime<Utc>, String) = sqlx::query_as(sql).fetch_one(conn).await?;
    Ok(Timestamp::from_datetime(now))
}

async fn take_version(conn: &mut PgConnection) -> Result<Stamp, StoreError> {
    let sql = "update foldback.publication set version = version + 1 returning epoch, version";
    let row: Option<(i64, i64)> =
        sqlx::query_as(sql).fetch_optional(conn).instrument(tracing::debug_span!("db.publication.take")).await?;
    let (epoch, version) = row.ok_or_else(no_publication)?;
    Ok(Stamp { epoch, version })
}

/// Raises the next version above `seen`.
pub async fn raise(pool: &PgPool, seen: Stamp) -> Result<(), StoreError> {
    let mut tx = pool.begin().await?;
    let row: Option<(i64, i64)> =
        sqlx::query_as("select epoch, version from foldback.publication for update").fetch_optional(&mut *tx).await?;
    let (epoch, version) = row.ok_or_else(no_publication)?;
    let raised = Stamp { epoch, version }.raised_above(seen);
    sqlx::query("update foldback.publication set epoch = $1, version = $2")
        .bind(raised.epoch)
        .bind(raised.version)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

fn no_publication() -> StoreError {
    StoreError::Corrupt { table: "publication", detail: "its only row is missing".to_owned() }
}

/// Dead letters that are neither redriven nor discarded.
pub async fn open_dead_letters(pool: &PgPool, generation: i32) -> Result<OpenDeadLetters, StoreError> {
    let mut conn = pool.acquire().await?;
    View::new(&mut conn, Generation(generation)).open_dead_letters().await
}

/// What is known about whether a generation equals the log.
pub async fn proof(pool: &PgPool, generation: i32) -> Result<Proof, StoreError> {
    verifications::proof(&mut *pool.acquire().await?, Generation(generation)).await
}

/// Keeps what each read adds up small: some ten milliseconds, if there is anything to do.
pub async fn merge_slots(pool: &PgPool, generation: i32) -> Result<(), StoreError> {
    let mut conn = pool.acquire().await?;
    let merging = slots::merge(&mut conn, Generation(generation), SLOTS_MAX, SLOT_ROWS_MAX);
    merging.instrument(tracing::debug_span!("db.telemetry_counts.merge")).await
}

/// Looks at the next orders that miss an event.
pub async fn step_to_oldest_gap(pool: &PgPool, generation: i32, oldest: &mut OldestGap) -> Result<(), StoreError> {
    let mut conn = pool.acquire().await?;
    let mut view = View::new(&mut conn, Generation(generation));
    let (since, next_after) = view.oldest_gap(oldest.after, GAP_ORDERS_MAX).await?;
    oldest.step(since, next_after);
    Ok(())
}

/// Orders that miss at least one event.
pub async fn orders_with_gaps(pool: &PgPool, generation: i32) -> Result<i64, StoreError> {
    let mut conn = pool.acquire().await?;
    View::new(&mut conn, Generation(generation)).orders_with_gaps().await
}
