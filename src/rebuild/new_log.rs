//! A generation that is folded from another log of a topic than its predecessors: `rebuild --new-log`.

use serde_json::Value;
use sqlx::postgres::PgConnection;

use super::error::RebuildError;
use crate::domain::generations::generation::{GenerationInfo, GenerationState};
use crate::domain::log::new_logs::{NewLogs, log_counts};
use crate::load::LoadContext;
use crate::store::Generation;
use crate::store::generations;

/// Notes in the origin of the next generation which logs it is folded from.
pub async fn note(ctx: &LoadContext, conn: &mut PgConnection, origin: &mut Value) -> Result<(), RebuildError> {
    let live = live(conn).await?;
    ctx.new_logs.note_in(origin, &live.map_or(Value::Null, |live| live.origin));
    Ok(())
}

/// The logs that a generation takes as new, if it has not been live yet. A generation of logs that are no longer those of
/// the live one is refused: nothing could go on from its positions.
pub async fn of(conn: &mut PgConnection, generation: Generation) -> Result<NewLogs, RebuildError> {
    let Some((info, _)) = generations::find(conn, generation).await? else { return Ok(NewLogs::default()) };
    let new = NewLogs::of_origin(&info.origin);
    if !new.is_empty() && info.state != GenerationState::Kept {
        return Ok(new);
    }
    refuse_older(conn, &info).await?;
    Ok(NewLogs::default())
}

/// Refuses a generation that was folded from another log of some topic than the live one.
pub async fn refuse_older(conn: &mut PgConnection, info: &GenerationInfo) -> Result<(), RebuildError> {
    let Some(live) = live(conn).await? else { return Ok(()) };
    let (theirs, ours) = (log_counts(&info.origin), log_counts(&live.origin));
    if theirs == ours || info.generation == live.generation {
        return Ok(());
    }
    let other = |topic: &&String| theirs.get(*topic) != ours.get(*topic);
    let topics: Vec<&str> = theirs.keys().chain(ours.keys()).filter(other).map(String::as_str).collect();
    Err(RebuildError::refused(vec![format!(
        "generation {number} was folded from another log of topic {} than the live generation {} (`rebuild --new-log`): no \
         instance could go on from its positions. Query it as gen_{number}, or drop it with `foldback generations drop \
         {number}`; if the former log is back, fold it with `foldback rebuild --new-log TOPIC`",
        topics.first().copied().unwrap_or_default(),
        live.generation,
        number = info.generation
    )]))
}

async fn live(conn: &mut PgConnection) -> Result<Option<GenerationInfo>, RebuildError> {
    let all = generations::list(conn).await?;
    Ok(all.into_iter().find(|info| info.state == GenerationState::Live))
}
