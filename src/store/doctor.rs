//! Facts about the database, for `doctor`.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::error::StoreError;

/// What the Postgres server and database say about themselves.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ServerFacts {
    /// 150004 is 15.4
    pub version_number: i32,
    pub version: String,
    pub database: String,
    pub encoding: String,
    pub user_name: String,
    /// Whether the user may create schemas in the database.
    pub may_create: bool,
    /// Whether it is a standby, which can't be written to.
    pub is_standby: bool,
    pub now: DateTime<Utc>,
}

pub async fn server(conn: &mut PgConnection) -> Result<ServerFacts, StoreError> {
    let sql = "select current_setting('server_version_num')::int as version_number,
                      current_setting('server_version') as version,
                      current_database()::text as database,
                      current_setting('server_encoding') as encoding,
                      current_user::text as user_name,
                      has_database_privilege(current_database(), 'CREATE') as may_create,
                      pg_is_in_recovery() as is_standby,
                      clock_timestamp() as now";
    Ok(sqlx::query_as(sql).fetch_one(conn).await?)
}

/// foldback's tables that this user may not write to, by name; empty if all is well or there are none.
pub async fn unwritable_tables(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let sql = "select format('%I.%I', n.nspname, c.relname)
                 from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where (n.nspname = 'foldback' or n.nspname ~ '^gen_[0-9]+$') and c.relkind in ('r', 'p')
                  and not has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
                order by 1";
    Ok(sqlx::query_scalar(sql).fetch_all(conn).await?)
}
