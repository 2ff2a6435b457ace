//! Creates a generation to fold into.

use serde_json::Value;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::generation::{Generation, create_tables};
use crate::domain::generations::generation::Progress;
use crate::store::error::StoreError;
use crate::store::migrate::PROJECTION_VERSION;

/// Provenance of a generation.
#[derive(Debug, Clone)]
pub struct NewGeneration {
    /// User and host.
    pub created_by: String,
    /// The offsets that it is folded from, and other facts.
    pub origin: Value,
    /// Where its load ends.
    pub targets: Value,
    /// For an as-of generation (`--until`): what was asked for.
    pub until: Option<Value>,
}

/// Creates the next generation with empty tables, in one transaction.
pub async fn create(conn: &mut PgConnection, new: &NewGeneration) -> Result<Generation, StoreError> {
    let mut tx = conn.begin().await?;
    let number: i64 = sqlx::query_scalar("select nextval('foldback.generation_number')").fetch_one(&mut *tx).await?;
    insert(tx, number, new).await
}

/// Creates the tables of a shadow; its number is negative.
pub async fn create_shadow(conn: &mut PgConnection, new: &NewGeneration) -> Result<Generation, StoreError> {
    let mut tx = conn.begin().await?;
    let number: i64 = sqlx::query_scalar("select -nextval('foldback.shadow_number')").fetch_one(&mut *tx).await?;
    insert(tx, number, new).await
}

async fn insert(
    mut tx: sqlx::Transaction<'_, sqlx::Postgres>,
    number: i64,
    new: &NewGeneration,
) -> Result<Generation, StoreError> {
    let number = i32::try_from(number).map_err(|_| StoreError::Corrupt {
        table: "generations",
        detail: format!("{number} is not a generation's number"),
    })?;
    let generation = Generation(number);
    let sql = "insert into foldback.generations (generation, state, projection_version, created_by, binary_version,
                                                 origin, targets, until, progress, seen_at)
               values ($1, 'building', $2, $3, $4, $5, $6, $7, $8, now())";
    sqlx::query(sql)
        .bind(generation.0)
        .bind(PROJECTION_VERSION)
        .bind(&new.created_by)
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(&new.origin)
        .bind(&new.targets)
        .bind(&new.until)
        .bind(sqlx::types::Json(Progress::at_start()))
        .execute(&mut *tx)
        .await?;
    create_tables(&mut tx, generation).await?;
    tx.commit().await?;
    Ok(generation)
}
