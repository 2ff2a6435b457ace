//! The short transaction that switches readers to another generation.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use tokio::time::{Instant, sleep};

use super::generation::{Generation, point_views_within};
use super::hold::{fence, fence_live};
use super::list::{checkpoints, live_projection};
use crate::domain::log::new_logs::NewLogs;
use crate::domain::log::positions::TopicPositions;
use crate::store::commit::CHANGED_CHANNEL;
use crate::store::decisions::discards;
use crate::store::decisions::new_log::forget_older;
use crate::store::error::StoreError;
use crate::store::tables::folded_topics::FoldedTopics;

/// How long commits may be blocked while the next generation catches up with the live one.
const FENCE_MAX: Duration = Duration::from_millis(1500);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Result of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CutOver {
    /// The generation is live; `before` is the previous one.
    Done { before: Generation },
    /// Readers held a view, or the next generation had not caught up with the live one: try again.
    InTheWay(String),
    /// It does not exist, or is in a state in which it can't go live.
    NotPossible(String),
}

/// Makes a generation live once it has caught up with the live one. Commits may hold it up for `lock_timeout`, and readers
/// for as long again, or for less: see `point_views_within`.
pub async fn cut_over(
    conn: &mut PgConnection,
    next: Generation,
    lock_timeout: Duration,
) -> Result<CutOver, StoreError> {
    switch(conn, next, lock_timeout, true).await
}

/// Makes a kept generation live again, whatever its checkpoints are.
pub async fn roll_back(conn: &mut PgConnection, to: Generation, lock_timeout: Duration) -> Result<CutOver, StoreError> {
    switch(conn, to, lock_timeout, false).await
}

async fn switch(
    conn: &mut PgConnection,
    next: Generation,
    lock_timeout: Duration,
    gated: bool,
) -> Result<CutOver, StoreError> {
    match try_switch(conn, next, lock_timeout, gated).await {
        Err(StoreError::Contention(error)) => Ok(CutOver::InTheWay(error.to_string())),
        outcome => outcome,
    }
}

async fn try_switch(
    conn: &mut PgConnection,
    next: Generation,
    lock_timeout: Duration,
    gated: bool,
) -> Result<CutOver, StoreError> {
    // Decisions that operators made while another generation was live apply to this one too. Most of them before the
    // fence, as a generation may have dead letters by the million.
    let mut tx = conn.begin().await?;
    wait_at_most(&mut tx, lock_timeout).await?;
    discards::apply(&mut tx, next).await?;
    tx.commit().await?;

    let mut tx = conn.begin().await?;
    wait_at_most(&mut tx, lock_timeout).await?;
    let switched = switch_in(&mut tx, next, lock_timeout, gated).await;
    // A dropped transaction keeps its locks until the connection is used again.
    if matches!(switched, Ok(CutOver::Done { .. })) {
        tx.commit().await?
    } else {
        tx.rollback().await?
    }
    switched
}

/// Bounds each wait for a lock until the transaction ends.
async fn wait_at_most(conn: &mut PgConnection, lock_timeout: Duration) -> Result<(), StoreError> {
    // Zero would be no bound at all.
    let millis = lock_timeout.as_millis().max(1);
    sqlx::query(AssertSqlSafe(format!("set local lock_timeout = '{millis}ms'"))).execute(conn).await?;
    Ok(())
}

async fn switch_in(
    conn: &mut PgConnection,
    next: Generation,
    lock_timeout: Duration,
    gated: bool,
) -> Result<CutOver, StoreError> {
    fence_live(conn).await?;
    // The state is read by a statement after the lock. Binaries before ADR 15 hold this row in share mode instead of the
    // lock, and are waited for here; once none of them can run beside this one, reading the row is enough.
    let before: Option<i32> =
        sqlx::query_scalar("select generation from foldback.generations where state = 'live' for update")
            .fetch_optional(&mut *conn)
            .await?;
    let before = Generation(before.ok_or(StoreError::NotMigrated)?);
    if before == next {
        return Ok(CutOver::NotPossible(format!("generation {} is already live", next.0)));
    }
    if gated && let Some(behind) = wait_until_as_far(conn, before, next).await? {
        return Ok(CutOver::InTheWay(behind));
    }
    // Fences whoever folds the next one outside `run`, which had to commit until now. The row as above.
    fence(conn, next).await?;
    let sql = "select state, until is not null from foldback.generations where generation = $1 for update";
    let row: Option<(String, bool)> = sqlx::query_as(sql).bind(next.0).fetch_optional(&mut *conn).await?;
    match row {
        None => return Ok(CutOver::NotPossible(format!("there is no generation {}", next.0))),
        Some((_, true)) => {
            let why =
                format!("generation {} holds the views as of an earlier point (--until); it can't go live", next.0);
            return Ok(CutOver::NotPossible(why));
        }
        Some((state, _)) if state == "failed" => {
            return Ok(CutOver::NotPossible(format!("generation {} failed its checks", next.0)));
        }
        Some(_) => {}
    }
    repoint(conn, before, next, lock_timeout).await?;
    Ok(CutOver::Done { before })
}

/// Returns `None` once the next generation has caught up with the live one, which can't move meanwhile; otherwise where
/// it is behind.
async fn wait_until_as_far(
    conn: &mut PgConnection,
    live: Generation,
    next: Generation,
) -> Result<Option<String>, StoreError> {
    let deadline = Instant::now() + FENCE_MAX;
    let mut there = checkpoints(conn, live).await?;
    keep_comparable(conn, next, &mut there).await?;
    loop {
        let Some(behind) = behind(&there, &checkpoints(conn, next).await?) else { return Ok(None) };
        if Instant::now() >= deadline {
            return Ok(Some(behind));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Positions in the log that a new one has replaced (`rebuild --new-log`) say nothing of the next generation: neither those
/// of the same topic, nor of one that the next generation doesn't fold at all.
async fn keep_comparable(
    conn: &mut PgConnection,
    next: Generation,
    live: &mut TopicPositions,
) -> Result<(), StoreError> {
    let sql = "select origin from foldback.generations where generation = $1";
    let origin: Option<serde_json::Value> = sqlx::query_scalar(sql).bind(next.0).fetch_optional(&mut *conn).await?;
    let new = origin.as_ref().map(NewLogs::of_origin).unwrap_or_default();
    if new.is_empty() {
        return Ok(());
    }
    let folded = FoldedTopics::of(conn, next).await?.names;
    live.retain(|(topic, _), _| !new.contains(topic) && folded.contains(topic));
    Ok(())
}

/// Whether the next generation reaches, in a time for which commits may be blocked, what the live one had reached before.
/// Blocks nobody. Otherwise returns where it is behind: there, a cut-over would wait in vain.
pub async fn is_keeping_up(conn: &mut PgConnection, next: Generation) -> Result<Option<String>, StoreError> {
    let live = live_projection(conn).await?.generation;
    wait_until_as_far(conn, live, next).await
}

fn behind(live: &TopicPositions, next: &TopicPositions) -> Option<String> {
    live.iter().find_map(|((topic, partition), offset)| {
        let at = next.get(&(topic.clone(), *partition)).copied().unwrap_or(0);
        (at < *offset)
            .then(|| format!("topic {topic}, partition {partition} is at {at}, but the live generation is at {offset}"))
    })
}

async fn repoint(
    conn: &mut PgConnection,
    before: Generation,
    next: Generation,
    lock_timeout: Duration,
) -> Result<(), StoreError> {
    // A unique index allows one live generation at a time, so the old one is changed first.
    sqlx::query("update foldback.generations set state = 'kept' where generation = $1")
        .bind(before.0)
        .execute(&mut *conn)
        .await?;
    let sql = "update foldback.generations
                  set state = 'live', promoted_at = now(), progress = null, seen_at = null, failure = null
                where generation = $1";
    sqlx::query(sql).bind(next.0).execute(&mut *conn).await?;
    discards::apply_newest(conn, next).await?;
    forget_older(conn, next).await?;
    point_views_within(conn, next, lock_timeout).await?;
    sqlx::query("update foldback.publication set epoch = epoch + 1, version = version + 1").execute(&mut *conn).await?;
    sqlx::query("select pg_notify($1, '')").bind(CHANGED_CHANNEL).execute(conn).await?;
    Ok(())
}
