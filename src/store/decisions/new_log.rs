//! Decisions are about records by topic, partition and offset. A generation that was folded from another log of a topic
//! (`rebuild --new-log`) has other records there: what was decided before it began means nothing in it.

use sqlx::postgres::PgConnection;

use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// Whether a row `decided` of decisions, made at `{decided_at}`, is about an older log than `{generation}`'s.
pub(super) const IS_OF_AN_OLDER_LOG: &str = "exists (
    select from foldback.generations folded
     where folded.generation = {generation} and folded.origin -> 'newLog' ? decided.topic
       and {decided_at} < folded.created_at)";

/// Forgets decisions about the logs that a generation, which goes live, has left behind.
pub async fn forget_older(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    for (table, decided_at) in [("flood_allowances", "decided.allowed_at"), ("discards", "decided.discarded_at")] {
        let older = IS_OF_AN_OLDER_LOG.replace("{decided_at}", decided_at);
        let sql = format!("delete from foldback.{table} decided where {older}");
        sqlx::query(generation.sql(&sql)).execute(&mut *conn).await?;
    }
    Ok(())
}
