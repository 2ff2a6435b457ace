//! What verifications compared and what they came to. At most one runs at a time, by the lock of `verify`.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgConnection;

use super::generation::Generation;
use super::list::ALIVE_SECONDS;
use crate::domain::generations::difference::Differences;
use crate::domain::generations::verification::{Proof, VerifyResult};
use crate::domain::log::key_share::KeySample;
use crate::domain::timestamp::Timestamp;
use crate::store::error::StoreError;
use crate::store::migrate::PROJECTION_VERSION;

/// So many are kept of a generation; the last one that proved it right is kept besides.
const KEPT: i64 = 100;
/// Of a sentence about a failure.
const FAILURE_CHARS_MAX: usize = 1_000;

/// A verification that begins.
#[derive(Debug, Clone)]
pub struct Begun<'a> {
    pub generation: Generation,
    pub sample: KeySample,
    /// Command and host.
    pub started_by: &'a str,
}

/// What a verification that was finished found.
#[derive(Debug)]
pub struct Found<'a> {
    pub differences: &'a Differences,
    /// `[{"what", "why"}, …]`
    pub not_checked: Value,
    pub rows: Option<i64>,
    /// `[{"topic", "partition", "nextOffset"}, …]`
    pub checkpoints: Value,
}

/// Records that it begins, and that any other one was interrupted: the caller holds the lock. Returns its id.
pub async fn begin(conn: &mut PgConnection, begun: &Begun<'_>) -> Result<i64, StoreError> {
    let interrupted = "update foldback.verifications set result = 'failed', finished_at = now(), failure = $1
                        where result is null";
    sqlx::query(interrupted).bind("interrupted: the process that ran it is gone").execute(&mut *conn).await?;
    let sql = "insert into foldback.verifications
                   (generation, projection_version, binary_version, started_by, started_at, per_million)
               values ($1, $2, $3, $4, clock_timestamp(), $5) returning id";
    Ok(sqlx::query_scalar(sql)
        .bind(begun.generation.0)
        .bind(PROJECTION_VERSION)
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(begun.started_by)
        .bind(i32::try_from(begun.sample.per_million).unwrap_or(i32::MAX))
        .fetch_one(conn)
        .await?)
}

/// Records what it found, and forgets old ones. Returns `false` if another one has begun since, by a lost lock.
pub async fn finish(conn: &mut PgConnection, id: i64, found: &Found<'_>) -> Result<bool, StoreError> {
    let differences = found.differences;
    let result = if differences.is_empty() { VerifyResult::Equal } else { VerifyResult::Different };
    let sql = "update foldback.verifications
                  set result = $2, finished_at = clock_timestamp(), differences = $3, found = $4, not_checked = $5,
                      rows = $6, checkpoints = $7
                where id = $1 and result is null";
    let written = sqlx::query(sql)
        .bind(id)
        .bind(result.as_str())
        .bind(i64::try_from(differences.total()).unwrap_or(i64::MAX))
        .bind(serde_json::json!(differences.found))
        .bind(&found.not_checked)
        .bind(found.rows)
        .bind(&found.checkpoints)
        .execute(&mut *conn)
        .await?;
    forget_old(conn, id).await?;
    Ok(written.rows_affected() > 0)
}

/// Records why it failed.
pub async fn fail(conn: &mut PgConnection, id: i64, why: &str) -> Result<(), StoreError> {
    let why: String = why.chars().take(FAILURE_CHARS_MAX).map(|char| if char == '\0' { ' ' } else { char }).collect();
    let sql = "update foldback.verifications set result = 'failed', finished_at = clock_timestamp(), failure = $2
                where id = $1 and result is null";
    sqlx::query(sql).bind(id).bind(why).execute(&mut *conn).await?;
    forget_old(conn, id).await
}

/// Removes one that was told to stop: it says nothing.
pub async fn withdraw(conn: &mut PgConnection, id: i64) -> Result<(), StoreError> {
    sqlx::query("delete from foldback.verifications where id = $1 and result is null").bind(id).execute(conn).await?;
    Ok(())
}

/// Of the generation of this one.
async fn forget_old(conn: &mut PgConnection, id: i64) -> Result<(), StoreError> {
    let sql = "delete from foldback.verifications as old using foldback.verifications as newest
                where newest.id = $1 and old.generation = newest.generation and old.id <= (
                          select id from foldback.verifications where generation = newest.generation
                           order by id desc offset $2 limit 1)
                  and old.id <> coalesce((
                          select max(id) from foldback.verifications
                           where generation = newest.generation and result = 'equal' and per_million = 1000000), 0)";
    sqlx::query(sql).bind(id).bind(KEPT).execute(conn).await?;
    Ok(())
}

/// What is known about whether a generation equals the log.
pub async fn proof(conn: &mut PgConnection, generation: Generation) -> Result<Proof, StoreError> {
    let sql = "select result, max(finished_at), max(finished_at) filter (where per_million = 1000000)
                 from foldback.verifications where generation = $1 and result is not null group by result";
    let rows: Vec<(String, DateTime<Utc>, Option<DateTime<Utc>>)> =
        sqlx::query_as(sql).bind(generation.0).fetch_all(&mut *conn).await?;
    let mut proof = Proof::default();
    for (result, last, last_of_all) in rows {
        let result = VerifyResult::parse(&result).ok_or_else(|| StoreError::Corrupt {
            table: "verifications",
            detail: format!("result `{result}` of generation {}", generation.0),
        })?;
        proof.last_runs.push((result, Timestamp::from_datetime(last)));
        if result == VerifyResult::Equal {
            proof.equal_at = last_of_all.map(Timestamp::from_datetime);
        }
    }
    proof.last_runs.sort_unstable();
    if proof.last_runs.iter().any(|(result, _)| *result != VerifyResult::Failed) {
        let sql = "select coalesce((select differences from foldback.verifications
                                     where generation = $1 and result = 'different' and finished_at > $2
                                     order by id desc limit 1), 0)";
        let since = proof.equal_at.unwrap_or(Timestamp::MIN).to_datetime();
        proof.differences = Some(sqlx::query_scalar(sql).bind(generation.0).bind(since).fetch_one(conn).await?);
    }
    Ok(proof)
}

/// Whether the live generation is to be verified.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    pub generation: Generation,
    /// A verification of all of it was finished so long ago, whatever it found; `None`: none was.
    pub last_seconds_ago: Option<f64>,
    /// One of all of it is on its way, if a process holds the lock.
    pub is_begun: bool,
    /// A rebuild or a promotion is on its way: its check waits for the lock.
    pub is_rebuilding: bool,
}

pub async fn due(conn: &mut PgConnection) -> Result<Due, StoreError> {
    let sql = "select generation,
                      (select extract(epoch from clock_timestamp() - max(finished_at))::double precision
                         from foldback.verifications as done
                        where done.generation = live.generation and result in ('equal', 'different')
                          and per_million = 1000000),
                      exists (select from foldback.verifications as begun
                               where begun.generation = live.generation and result is null and per_million = 1000000),
                      exists (select from foldback.generations
                               where generation > 0 and state in ('building', 'ready')
                                 and seen_at > now() - make_interval(secs => $1))
                 from foldback.generations as live where state = 'live'";
    let row: Option<(i32, Option<f64>, bool, bool)> =
        sqlx::query_as(sql).bind(f64::from(ALIVE_SECONDS)).fetch_optional(conn).await?;
    let (generation, last_seconds_ago, is_begun, is_rebuilding) = row.ok_or(StoreError::NotMigrated)?;
    Ok(Due { generation: Generation(generation), last_seconds_ago, is_begun, is_rebuilding })
}
