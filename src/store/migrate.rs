//! Brings the database to this binary's schema; running it again is harmless.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};

use super::error::StoreError;
use super::generations::{Generation, generation};

/// Schema version that this binary was built for.
pub const SCHEMA_VERSION: i32 = 6;
/// Version of the projection. Incremented whenever the same events would give different views, or the same views in other
/// tables: a binary folds only into generations that it could have made.
///
/// 2: the history's payload is json.
pub const PROJECTION_VERSION: i32 = 2;

/// Which migrations were applied, with their checksums.
const APPLIED: &str = "foldback._sqlx_migrations";
/// Only one migration runs at a time, whoever starts it: of this binary, or of one from before ADR 16.
const MIGRATION_LOCK: i64 = 0x666f_6c64_6d69_6772;

/// What `migrate` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Version found; `None` in an empty database.
    pub from: Option<i32>,
    pub to: i32,
    /// Whether generation 1 was made.
    pub first_generation: bool,
}

/// Runs every migration that is missing, and makes generation 1 if there is no generation. All or nothing.
pub async fn migrate(conn: &mut PgConnection, created_by: &str) -> Result<Migrated, StoreError> {
    let mut tx = conn.begin().await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK).execute(&mut *tx).await?;
    let from = match stored_version(&mut tx).await? {
        // A newer binary's: nothing to do if it serves this one.
        Some((version, oldest)) if version > SCHEMA_VERSION => {
            check_range(version, oldest)?;
            return Ok(Migrated { from: Some(version), to: version, first_generation: false });
        }
        stored => stored.map(|(version, _)| version),
    };
    apply_missing(&mut tx, from).await.map_err(failure)?;
    let first_generation = make_first_generation(&mut tx, created_by).await?;
    generation::comment_views(&mut tx).await?;
    tx.commit().await?;
    Ok(Migrated { from, to: SCHEMA_VERSION, first_generation })
}

/// Within the caller's transaction and under its lock: each migration is a savepoint.
async fn apply_missing(conn: &mut PgConnection, from: Option<i32>) -> Result<(), MigrateError> {
    let mut migrator: Migrator = sqlx::migrate!();
    migrator.set_locking(false);
    migrator.dangerous_set_table_name(APPLIED);
    match from {
        None => {
            migrator.create_schema("foldback");
        }
        // A database that was made before `APPLIED` was kept: what its version says was applied is noted, not run.
        Some(version) => migrator.skip(&mut *conn, Some(version.into())).await?,
    }
    migrator.run(conn).await
}

fn failure(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => error.into(),
        MigrateError::ExecuteMigration(error, version) => match error.into() {
            StoreError::Other(cause)
            | StoreError::Obstacle(cause)
            | StoreError::Data(cause)
            | StoreError::Missing(cause) => StoreError::MigrationFailed { version, cause },
            error => error,
        },
        MigrateError::VersionMismatch(version) => StoreError::MigrationChanged { version },
        error => StoreError::Other(sqlx::Error::Migrate(Box::new(error))),
    }
}

async fn make_first_generation(conn: &mut PgConnection, created_by: &str) -> Result<bool, StoreError> {
    let generations: i64 =
        sqlx::query_scalar("select count(*) from foldback.generations").fetch_one(&mut *conn).await?;
    if generations > 0 {
        return Ok(false);
    }
    let first = Generation(1);
    generation::create_tables(conn, first).await?;
    for statement in generation::key_statements(first) {
        sqlx::query(statement).execute(&mut *conn).await?;
    }
    sqlx::query(
        "insert into foldback.generations
             (generation, state, projection_version, promoted_at, created_by, binary_version)
         values ($1, 'live', $2, now(), $3, $4)",
    )
    .bind(first.0)
    .bind(PROJECTION_VERSION)
    .bind(created_by)
    .bind(env!("CARGO_PKG_VERSION"))
    .execute(&mut *conn)
    .await?;
    generation::point_views(conn, first).await?;
    Ok(true)
}

/// Refuses a database that this binary does not know; says which command to run.
pub async fn check_version(conn: &mut PgConnection) -> Result<(), StoreError> {
    match stored_version(conn).await? {
        None => Err(StoreError::NotMigrated),
        Some((version, oldest)) => check_range(version, oldest),
    }
}

fn check_range(database: i32, oldest: i32) -> Result<(), StoreError> {
    if (oldest..=database).contains(&SCHEMA_VERSION) {
        return Ok(());
    }
    let remedy = if database < SCHEMA_VERSION { "run `foldback migrate`" } else { "use a newer binary" };
    Err(StoreError::SchemaVersion { database, oldest, binary: SCHEMA_VERSION, remedy })
}

/// (version, oldest binary); `None` without a foldback schema.
async fn stored_version(conn: &mut PgConnection) -> Result<Option<(i32, i32)>, StoreError> {
    let there: bool =
        sqlx::query_scalar("select to_regclass('foldback.schema_version') is not null").fetch_one(&mut *conn).await?;
    if !there {
        return Ok(None);
    }
    let row = sqlx::query("select version, oldest_binary from foldback.schema_version").fetch_optional(conn).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_migration_has_the_version_of_the_schema() {
        let versions: Vec<i64> = sqlx::migrate!().iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=i64::from(SCHEMA_VERSION)).collect::<Vec<_>>());
    }
}
