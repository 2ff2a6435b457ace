//! Finds transactions whose snapshot is older than a complete generation.
//!
//! A query resolves a stable view by its newest definition, but reads rows by its transaction's snapshot. A repeatable
//! read that began before a generation was filled would find the stable views empty after the cut-over.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::store::connect::APPLICATION_NAME;
use crate::store::error::StoreError;

/// A moment, in Postgres's terms.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    at: DateTime<Utc>,
    /// No transaction with this number or a later one had begun.
    next_transaction: i64,
}

pub async fn now(conn: &mut PgConnection) -> Result<Moment, StoreError> {
    let sql = "select clock_timestamp(), pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
    let (at, next_transaction) = sqlx::query_as(sql).fetch_one(conn).await?;
    Ok(Moment { at, next_transaction })
}

/// A client of this database whose snapshot may be older than the moment. Excludes foldback's own connections, which
/// read generations rather than the stable views, and what can't be part of a longer transaction: `vacuum`, and indexes
/// built concurrently.
///
/// A snapshot that depends on no transaction from before the moment is newer, however old its own transaction is: each
/// statement at read committed has one of its own. Beyond that nobody can tell from outside which isolation level a
/// transaction has, or whether it will read the views. `pg_dump` counts for good reason: it dumps the views' newest
/// definitions with the tables of its snapshot.
pub async fn older_than(conn: &mut PgConnection, moment: Moment) -> Result<Option<String>, StoreError> {
    let sql = "select pid, usename, application_name from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid() and usesysid is not null
                  -- Null where this user may not see it, as are some of those below.
                  and coalesce(backend_type, 'client backend') = 'client backend'
                  and backend_xmin is not null and application_name is distinct from $3
                  and age(backend_xmin) > pg_snapshot_xmax(pg_current_snapshot())::text::bigint - $2
                  and (xact_start is null or xact_start < $1)
                  and pid not in (select pid from pg_stat_progress_vacuum union all
                                  select pid from pg_stat_progress_create_index where command like '% CONCURRENTLY')
                order by pid limit 1";
    let row = sqlx::query(sql)
        .bind(moment.at)
        .bind(moment.next_transaction)
        .bind(APPLICATION_NAME)
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        let (pid, user): (i32, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        let application: Option<String> = row.try_get(2)?;
        let named = application.filter(|name| !name.is_empty()).map(|name| format!(" ({name})")).unwrap_or_default();
        Ok(format!(
            "a transaction of {user}{named}, pid {pid}, began before the new generation was complete and still sees \
             the database as of then: it would find the views empty",
            user = user.unwrap_or_default()
        ))
    })
    .transpose()
}
