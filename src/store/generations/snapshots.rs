//! Transactions that look at the database as it was before a generation was whole.
//!
//! A stable view is found by its newest definition, and its rows by the transaction's snapshot. A reader at repeatable
//! read that began before a generation was filled would find that generation's views empty once they are the stable ones.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::store::connect::APPLICATION_NAME;
use crate::store::error::StoreError;

/// A moment, as Postgres counts.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    at: DateTime<Utc>,
    /// No transaction of this number or a later one had begun.
    next_transaction: i64,
}

pub async fn now(conn: &mut PgConnection) -> Result<Moment, StoreError> {
    let sql = "select clock_timestamp(), pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
    let (at, next_transaction) = sqlx::query_as(sql).fetch_one(conn).await?;
    Ok(Moment { at, next_transaction })
}

/// A client of this database whose snapshot may be older than the moment. Not foldback's own, which name generations
/// and not the stable views. Where this user may not see when another's transaction began, its oldest running
/// transaction tells.
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
