//! What the process that builds a generation says of it.

use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use crate::domain::generation::{GenerationState, Progress};
use crate::store::error::StoreError;
use crate::store::generation::Generation;

/// Tells how far it is, and that its builder lives.
pub async fn tell(conn: &mut PgConnection, generation: Generation, progress: &Progress) -> Result<(), StoreError> {
    let sql = "update foldback.generations set progress = $2, seen_at = now() where generation = $1";
    sqlx::query(sql).bind(generation.0).bind(Json(progress)).execute(conn).await?;
    Ok(())
}

/// It is whole and checked.
pub async fn ready(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let sql = "update foldback.generations set state = 'ready', progress = null, seen_at = null, failure = null
                where generation = $1 and state <> 'live'";
    sqlx::query(sql).bind(generation.0).execute(conn).await?;
    Ok(())
}

/// A check refused it.
pub async fn fail(conn: &mut PgConnection, generation: Generation, why: &str) -> Result<(), StoreError> {
    let sql = "update foldback.generations set state = 'failed', progress = null, seen_at = null, failure = $2
                where generation = $1 and state <> 'live'";
    sqlx::query(sql).bind(generation.0).bind(why).execute(conn).await?;
    Ok(())
}

/// It is folded on: of a ready, kept or failed one that is to go live.
pub async fn reopen(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    let sql = "update foldback.generations set state = 'building', seen_at = now()
                where generation = $1 and state <> 'live'";
    sqlx::query(sql).bind(generation.0).execute(conn).await?;
    Ok(())
}

/// It is as it was before it was reopened: a promotion did not come through.
pub async fn back_to(
    conn: &mut PgConnection,
    generation: Generation,
    state: GenerationState,
) -> Result<(), StoreError> {
    let sql = "update foldback.generations set state = $2, progress = null, seen_at = null
                where generation = $1 and state = 'building'";
    sqlx::query(sql).bind(generation.0).bind(state.as_str()).execute(conn).await?;
    Ok(())
}
