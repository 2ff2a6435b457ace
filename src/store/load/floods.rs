//! Conflicts that follow each other in the log, among the records that the live generation has not folded.

use sqlx::postgres::PgConnection;

use crate::domain::change::Streak;
use crate::domain::log::rejection::Reason;
use crate::store::error::StoreError;
use crate::store::generations::{Generation, live_projection};

/// Where the live generation is in a partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LivePosition {
    pub next_offset: i64,
    pub streak: Option<Streak>,
}

/// `None` if it has no checkpoint there.
pub async fn live_position(
    conn: &mut PgConnection,
    topic: &str,
    partition: i32,
) -> Result<Option<LivePosition>, StoreError> {
    let live = live_projection(conn).await?.generation;
    let sql = "select next_offset, streak_reason, streak_count from {schema}.checkpoints
                where topic = $1 and partition = $2";
    let row: Option<(i64, Option<String>, i64)> =
        sqlx::query_as(live.sql(sql)).bind(topic).bind(partition).fetch_optional(conn).await?;
    Ok(row.map(|(next_offset, reason, count)| LivePosition {
        next_offset,
        streak: reason.as_deref().and_then(Reason::parse).map(|reason| Streak { reason, count }),
    }))
}

/// Offsets of the conflicts from `from` on that follow at least `at_least - 1` others without any other record between them,
/// each with the number of its streak. Reads the whole history once where there are so many conflicts at all.
pub async fn long_streaks(
    conn: &mut PgConnection,
    generation: Generation,
    topic: &str,
    (partition, from): (i32, i64),
    at_least: i64,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let count = "select count(*) from {schema}.dead_letters
                  where topic = $1 and partition = $2 and \"offset\" >= $3 and reason = 'sequence_conflict'";
    let conflicts: i64 =
        sqlx::query_scalar(generation.sql(count)).bind(topic).bind(partition).bind(from).fetch_one(&mut *conn).await?;
    if conflicts < at_least {
        return Ok(Vec::new());
    }
    // A record is a dead letter, an event of the history, a copy, or was taken out of the history as contested.
    let sql = "with record as (
                   select \"offset\", bool_or(is_conflict) as is_conflict from (
                       select \"offset\", reason = 'sequence_conflict' as is_conflict from {schema}.dead_letters
                        where topic = $1 and partition = $2 and \"offset\" >= $3
                       union all select \"offset\", false from {schema}.provider_order_events
                        where partition = $2 and \"offset\" >= $3
                       union all select \"offset\", false from {schema}.load_copies where partition = $2 and \"offset\" >= $3
                       union all select \"offset\", false from {schema}.load_claims where partition = $2 and \"offset\" >= $3
                   ) as found group by \"offset\"
               ), streaked as (
                   select \"offset\", is_conflict,
                          count(*) filter (where not is_conflict) over (order by \"offset\") as streak from record
               ), counted as (
                   select \"offset\", streak, count(*) over (partition by streak) as length from streaked where is_conflict
               )
               select \"offset\", streak from counted where length >= $4 or streak = 0 order by \"offset\"";
    Ok(sqlx::query_as(generation.sql(sql))
        .bind(topic)
        .bind(partition)
        .bind(from)
        .bind(at_least)
        .fetch_all(conn)
        .await?)
}
