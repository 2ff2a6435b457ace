//! What the process that builds a generation records about it.

use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use super::generation::Generation;
use crate::domain::generations::generation::{GenerationState, Progress};
use crate::store::error::StoreError;

/// Records the progress, and that the builder is alive.
pub async fn tell(conn: &mut PgConnection, generation: Generation, progress: &Progress) -> Result<(), StoreError> {
    // One that has just gone live is no longer being built.
    let sql = "update foldback.generations set progress = $2, seen_at = now()
                where generation = $1 and state in ('building', 'ready')";
    sqlx::query(sql).bind(generation.0).bind(Json(progress)).execute(conn).await?;
    Ok(())
}

/// Marks it complete and checked.
pub async fn ready(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let sql = "update foldback.generations set state = 'ready', progress = null, seen_at = null, failure = null
                where generation = $1 and state <> 'live'";
    sqlx::query(sql).bind(generation.0).execute(conn).await?;
    Ok(())
}

/// Marks it as failed by a check.
pub async fn fail(conn: &mut PgConnection, generation: Generation, why: &str) -> Result<(), StoreError> {
    let sql = "update foldback.generations set state = 'failed', progress = null, seen_at = null, failure = $2
                where generation = $1 and state <> 'live'";
    sqlx::query(sql).bind(generation.0).bind(why).execute(conn).await?;
    Ok(())
}

/// Allows folding it outside `run`: a complete one that is to go live. Not `building`, which a rebuild would resume.
pub async fn reopen(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let sql = "update foldback.generations set state = 'ready', seen_at = now()
                where generation = $1 and state <> 'live'";
    sqlx::query(sql).bind(generation.0).execute(conn).await?;
    Ok(())
}

/// Restores its state from before it was reopened, after a promotion that did not succeed.
pub async fn back_to(
    conn: &mut PgConnection,
    generation: Generation,
    state: GenerationState,
) -> Result<(), StoreError> {
    let sql = "update foldback.generations set state = $2, progress = null, seen_at = null
                where generation = $1 and state = 'ready'";
    sqlx::query(sql).bind(generation.0).bind(state.as_str()).execute(conn).await?;
    Ok(())
}
