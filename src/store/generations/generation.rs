//! A generation: one complete set of views, in a Postgres schema of its own.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};

use crate::store::error::StoreError;

const TABLES: &str = include_str!("../sql/generation.sql");
const KEYS: &str = include_str!("../sql/generation_keys.sql");
const STABLE_VIEWS: &str = include_str!("../sql/stable_views.sql");
const COMMENTS: &str = include_str!("../sql/comments.sql");
const NOW_MILLIS: &str = "(extract(epoch from clock_timestamp()) * 1000)::bigint";

/// Number of a generation; its schema is `gen_<number>`. A negative one is a shadow that `verify` folds for itself, in
/// the schema `shadow_<number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(pub i32);

impl Generation {
    pub fn schema(self) -> String {
        let kind = if self.is_shadow() { "shadow" } else { "gen" };
        format!("{kind}_{}", self.0.unsigned_abs())
    }

    pub fn is_shadow(self) -> bool {
        self.0 < 0
    }

    /// SQL text in which `{schema}` and `{generation}` name this generation.
    pub fn sql(self, template: &str) -> AssertSqlSafe<String> {
        // Only a number is inserted into the text.
        AssertSqlSafe(template.replace("{schema}", &self.schema()).replace("{generation}", &self.0.to_string()))
    }
}

/// The live generation.
pub async fn live(conn: &mut PgConnection) -> Result<Generation, StoreError> {
    let row = sqlx::query("select generation from foldback.generations where state = 'live'")
        .fetch_optional(conn)
        .await?
        .ok_or(StoreError::NotMigrated)?;
    Ok(Generation(row.try_get(0)?))
}

/// Makes the tables of a generation, the large ones without their keys.
pub(in crate::store) async fn create_tables(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    sqlx::raw_sql(generation.sql(TABLES)).execute(conn).await?;
    Ok(())
}

/// Adds the columns that a generation lacks which a binary of an older schema version has made beside this one, during an
/// upgrade.
pub async fn complete_tables(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let sql = "select exists (select from pg_attribute
                               where attrelid = '{schema}.checkpoints'::regclass and attname = 'leader_epoch_offset')";
    if sqlx::query_scalar(generation.sql(sql)).fetch_one(&mut *conn).await? {
        return Ok(());
    }
    let sql = "alter table {schema}.checkpoints
                   add column if not exists leader_epoch integer, add column if not exists leader_epoch_offset bigint,
                   add column if not exists last_record_offset bigint,
                   add column if not exists last_record_millis bigint";
    sqlx::query(generation.sql(sql)).execute(conn).await?;
    Ok(())
}

/// The statements that give the large tables their keys and indexes.
pub fn key_statements(generation: Generation) -> Vec<AssertSqlSafe<String>> {
    KEYS.lines().filter(|line| !line.starts_with("--")).map(|line| generation.sql(line)).collect()
}

/// Name and statement of every index that is not part of a key.
pub(super) fn index_statements(generation: Generation) -> Vec<(&'static str, String)> {
    let named = |line: &'static str| {
        let (name, _) = line.strip_prefix("create index if not exists ")?.split_once(' ')?;
        Some((name, generation.sql(line).0))
    };
    TABLES.lines().chain(KEYS.lines()).filter_map(named).collect()
}

/// Points every stable view at a generation, in the caller's transaction.
pub(in crate::store) async fn point_views(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    sqlx::raw_sql(generation.sql(STABLE_VIEWS)).execute(conn).await?;
    Ok(())
}

/// The same, and waits for readers for `lock_timeout` in all: whoever waits for the first view waits until the last is
/// there. A reader that holds one view and waits for another may deadlock with us. It would find that out after
/// `deadlock_timeout`, and lose; so no more than half of that. The transaction's `lock_timeout` is used up.
pub(in crate::store) async fn point_views_within(
    conn: &mut PgConnection,
    generation: Generation,
    lock_timeout: Duration,
) -> Result<(), StoreError> {
    // One message for all of it, since every round trip would make readers wait.
    let deadline = format!(
        "select set_config('foldback.deadline', ({NOW_MILLIS} + least({}, setting::bigint / 2))::text, true)
           from pg_settings where name = 'deadlock_timeout';",
        lock_timeout.as_millis()
    );
    let left = format!(
        "select set_config('lock_timeout', greatest(1, current_setting('foldback.deadline')::bigint - {NOW_MILLIS})::text, true);"
    );
    let views = STABLE_VIEWS.split_inclusive(';').flat_map(|view| [left.as_str(), view]);
    let sql: String = std::iter::once(deadline.as_str()).chain(views).collect();
    sqlx::raw_sql(generation.sql(&sql)).execute(conn).await?;
    Ok(())
}

/// Says in the database what the stable views and their columns hold. A view that is pointed elsewhere keeps it.
pub(in crate::store) async fn comment_views(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::raw_sql(COMMENTS).execute(conn).await?;
    Ok(())
}
