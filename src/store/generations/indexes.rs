//! Indexes that a generation lacks because an older binary made it.
//!
//! They are built without blocking writers, which no transaction can do: `migrate` runs this after it has committed.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::generation::{Generation, index_statements};
use super::lock::{Lock, try_hold};
use crate::store::error::StoreError;

/// Postgres waits for every transaction that is older than an index: a dump may take hours.
const WAIT_MAX: &str = "set lock_timeout = '60s'";
/// Replaced by others.
const OBSOLETE: [&str; 1] = ["replays_due"];

/// Builds what is missing, and drops what was replaced. `note` gets a line before each index and for each one that could
/// not be built. Generations in a load are left out: its end builds their indexes.
pub async fn complete_indexes(conn: &mut PgConnection, note: &(dyn Fn(&str) + Sync)) -> Result<(), StoreError> {
    let sql = "select generation from foldback.generations where generation > 0 and state <> 'building' order by 1";
    let generations: Vec<i32> = sqlx::query_scalar(sql).fetch_all(&mut *conn).await?;
    // Never waited for in a statement: the holder's index would wait for that statement's snapshot.
    if !try_hold(conn, Lock::Indexes).await? {
        note("another `foldback migrate` is building indexes");
        return Ok(());
    }
    sqlx::query(WAIT_MAX).execute(&mut *conn).await?;
    for generation in generations.into_iter().map(Generation) {
        match complete(conn, generation, note).await {
            // Dropped meanwhile.
            Err(StoreError::Missing(_)) => {}
            Err(StoreError::Contention(_)) => note(&format!(
                "the indexes of generation {} are not complete yet: a transaction has been open for a minute. Reads are \
                 slower without them; run `foldback migrate` again once that transaction has ended",
                generation.0
            )),
            completed => completed?,
        }
    }
    Ok(())
}

async fn complete(
    conn: &mut PgConnection,
    generation: Generation,
    note: &(dyn Fn(&str) + Sync),
) -> Result<(), StoreError> {
    let schema = generation.schema();
    for (name, statement) in index_statements(generation) {
        match validity(conn, generation, name).await? {
            Some(true) => continue,
            // One that an interrupted build has left: kept up to date by every write, and of no use.
            Some(false) => drop_index(conn, &format!("{schema}.{name}")).await?,
            None => {}
        }
        note(&format!("building index {schema}.{name}; writers are not blocked"));
        let concurrently = statement.replacen("create index ", "create index concurrently ", 1);
        sqlx::raw_sql(AssertSqlSafe(concurrently)).execute(&mut *conn).await?;
    }
    for name in OBSOLETE {
        if validity(conn, generation, name).await?.is_some() {
            drop_index(conn, &format!("{schema}.{name}")).await?;
        }
    }
    Ok(())
}

/// Whether an index is complete; `None` if it doesn't exist.
async fn validity(conn: &mut PgConnection, generation: Generation, name: &str) -> Result<Option<bool>, StoreError> {
    let sql = "select i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid
                 join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2";
    Ok(sqlx::query_scalar(sql).bind(generation.schema()).bind(name).fetch_optional(conn).await?)
}

async fn drop_index(conn: &mut PgConnection, index: &str) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(format!("drop index concurrently if exists {index}"))).execute(conn).await?;
    Ok(())
}
