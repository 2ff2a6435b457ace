//! What Redis and the gauges should show for the current views, for `verify`. Writes nothing.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use crate::domain::runs::run::RunType;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::backlog::ProviderBacklog;
use crate::domain::views::rows::OpenDeadLetters;
use crate::domain::views::snapshot::{Content, Stamp};
use crate::store::error::StoreError;
use crate::store::generations::Generation;
use crate::store::read::{LatestRuns, View};

/// The live views at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Postgres's time.
    pub now: Timestamp,
    /// Epoch and the latest version taken.
    pub stamp: Stamp,
    /// When a publication last became due, by a commit, a cut-over, or a replay that fell due.
    pub changed_at: Option<Timestamp>,
    /// `overdue` as of `now`.
    pub content: Content,
    /// The same with `overdue` as of the requested time, if no replay fell due between that and `due_before`.
    pub providers_then: Option<Vec<ProviderBacklog>>,
    pub open_dead_letters: OpenDeadLetters,
    pub orders_with_gaps: i64,
}

/// What a publication of a generation shows, with `overdue` as of this moment. `runs`: as read before, if at all.
pub async fn content(
    conn: &mut PgConnection,
    generation: Generation,
    as_of: Timestamp,
    runs: &mut LatestRuns,
) -> Result<Content, StoreError> {
    let mut view = View::new(conn, generation);
    Ok(Content {
        generation: generation.0,
        replay: runs.of(&mut view, RunType::Replay).await?,
        alert: runs.of(&mut view, RunType::Alert).await?,
        providers: view.backlog(as_of).await?,
    })
}

/// Reads one snapshot. `shown_as_of`: the time as of which the value in Redis counts overdue replays.
/// `grace_micros`: how long ago a replay must have fallen due to make that value too old.
pub async fn read(
    conn: &mut PgConnection,
    shown_as_of: Option<Timestamp>,
    grace_micros: i64,
) -> Result<Published, StoreError> {
    sqlx::query("begin isolation level repeatable read read only").execute(&mut *conn).await?;
    let read = read_in(conn, shown_as_of, grace_micros).await;
    sqlx::query("rollback").execute(conn).await?;
    read
}

async fn read_in(
    conn: &mut PgConnection,
    shown_as_of: Option<Timestamp>,
    grace_micros: i64,
) -> Result<Published, StoreError> {
    let facts = facts(conn).await?;
    let mut view = View::new(&mut *conn, facts.generation);
    let providers_then = match shown_as_of.filter(|as_of| *as_of <= facts.now) {
        Some(as_of) => {
            let due = view.next_due_after(as_of).await?;
            let is_fresh = due.is_none_or(|due| facts.now.micros() - due.micros() < grace_micros);
            if is_fresh { Some(view.backlog(as_of).await?) } else { None }
        }
        None => None,
    };
    let open_dead_letters = view.open_dead_letters().await?;
    let orders_with_gaps = view.orders_with_gaps().await?;
    Ok(Published {
        now: facts.now,
        stamp: facts.stamp,
        changed_at: facts.changed_at,
        content: content(conn, facts.generation, facts.now, &mut LatestRuns::default()).await?,
        providers_then,
        open_dead_letters,
        orders_with_gaps,
    })
}

/// Generation, Postgres's time, epoch, version, and when the generation went live.
type LiveRow = (i32, DateTime<Utc>, i64, i64, Option<DateTime<Utc>>);

struct Facts {
    generation: Generation,
    now: Timestamp,
    stamp: Stamp,
    changed_at: Option<Timestamp>,
}

async fn facts(conn: &mut PgConnection) -> Result<Facts, StoreError> {
    let sql = "select generation, clock_timestamp(), epoch, version, promoted_at
                 from foldback.generations, foldback.publication where state = 'live'";
    let row: Option<LiveRow> = sqlx::query_as(sql).fetch_optional(&mut *conn).await?;
    let (number, now, epoch, version, promoted_at) = row.ok_or(StoreError::NotMigrated)?;
    let generation = Generation(number);
    let sql = "select greatest((select max(updated_at) from {schema}.checkpoints), $2,
                               (select max(scheduled_for) from {schema}.replays
                                 where status = 'scheduled' and scheduled_for <= $1))";
    let changed_at: Option<DateTime<Utc>> =
        sqlx::query_scalar(generation.sql(sql)).bind(now).bind(promoted_at).fetch_one(conn).await?;
    Ok(Facts {
        generation,
        now: Timestamp::from_datetime(now),
        stamp: Stamp { epoch, version },
        changed_at: changed_at.map(Timestamp::from_datetime),
    })
}
