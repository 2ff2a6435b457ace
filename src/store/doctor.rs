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
    /// Whether foldback's schema is the user's own, or a role's that it is a member of; `None` if there is none.
    pub is_owner: Option<bool>,
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
                      (select pg_has_role(nspowner, 'USAGE') from pg_namespace where nspname = 'foldback') as is_owner,
                      pg_is_in_recovery() as is_standby,
                      clock_timestamp() as now";
    Ok(sqlx::query_as(sql).fetch_one(conn).await?)
}

/// The statements that give this user what `foldback run` needs and it lacks; empty if all is well, or if there are no
/// tables yet.
pub async fn missing_grants(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    // A list of privileges in one call asks for any of them.
    let sql = "with ours as (
                   select oid, nspname from pg_namespace where nspname = 'foldback' or nspname ~ '^gen_[0-9]+$'
               ), lacking (rank, place, grant_text) as (
                   select 0, current_database()::text, 'temporary on database'
                    where not has_database_privilege(current_database(), 'TEMPORARY')
                   union all
                   select 1, nspname, 'usage on schema' from ours where not has_schema_privilege(oid, 'USAGE')
                   union all
                   select 2, nspname, 'select, insert, update, delete on all tables in schema'
                     from ours where exists (
                       select from pg_class c
                        where c.relnamespace = ours.oid and c.relkind in ('r', 'p', 'v')
                          and not (has_table_privilege(c.oid, 'SELECT')
                                   and (c.relkind = 'v'
                                        or has_table_privilege(c.oid, 'INSERT') and has_table_privilege(c.oid, 'UPDATE')
                                           and has_table_privilege(c.oid, 'DELETE'))))
                   union all
                   select 3, nspname, 'usage on all sequences in schema'
                     from ours where exists (
                       -- In the order of the planner's choice, a table would be asked for a sequence's privilege.
                       select from pg_class c
                        where c.relnamespace = ours.oid
                          and case when c.relkind = 'S' then not has_sequence_privilege(c.oid, 'USAGE') else false end)
               )
               select format('grant %s %I to %I', grant_text, place, current_user) from lacking order by place, rank";
    Ok(sqlx::query_scalar(sql).fetch_all(conn).await?)
}
