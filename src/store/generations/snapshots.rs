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
/// read generations rather than the stable views. If this user may not see when another user's transaction began, the
/// age of its snapshot decides.
pub async fn older_than(conn: &mut PgConnection, moment: Moment) -> Result<Option<String>, StoreError> {
    let sql = "select pid, usename, application_name from pg_stat_activity
                where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
                  and backend_xmin is not null and application_name is distinct from $3
                  and case when xact_start is null
                           then age(backend_xmin) > pg_snapshot_xmax(pg_current_snapshot())::text::bigint - $2
                           else xact_start < $1 end
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
