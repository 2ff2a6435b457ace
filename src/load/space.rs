//! Whether the database has room for another generation, or for the shadow of a comparison.

use std::path::Path;

use sqlx::postgres::PgConnection;

use super::context::LoadContext;
use super::error::LoadError;
use crate::domain::log::key_share::KeySample;
use crate::log::survey::TopicSurvey;
use crate::observe::size::size_text;
use crate::store::generations::{self, live_projection};

/// Size of an event with its share of orders, replays and indexes, if there is no data to measure it by. Taken from
/// the sample events.
const EVENT_SPACE_BYTES: u64 = 1_000;

/// What a load takes at its peak, relative to what stays of it: spilled events and sorted indexes come on top.
const PEAK_PERCENT: u64 = 150;

/// The refusal for lack of space, by an estimate from the offsets alone. `share`: which orders are folded.
pub async fn estimated_refusal(
    ctx: &LoadContext,
    conn: &mut PgConnection,
    survey: &[TopicSurvey],
    share: KeySample,
) -> Result<Option<String>, LoadError> {
    let offsets = survey.iter().flat_map(|topic| &topic.partitions).map(|at| at.end - at.log_start).sum::<i64>();
    let bytes = u64::try_from(offsets).unwrap_or(0).saturating_mul(per_event(conn).await?);
    let bytes = u128::from(bytes) * u128::from(share.per_million) / u128::from(KeySample::ALL.per_million);
    refusal(ctx, conn, u64::try_from(bytes).unwrap_or(u64::MAX)).await
}

/// Bytes per event in the live generation, or else of the sample events.
pub async fn per_event(conn: &mut PgConnection) -> Result<u64, LoadError> {
    let live = live_projection(conn).await?.generation;
    let (bytes, events) = generations::size(conn, live).await?;
    // Too few rows are no basis: empty tables and indexes take space too.
    if events < 10_000 {
        return Ok(EVENT_SPACE_BYTES);
    }
    Ok(u64::try_from(bytes / events).unwrap_or(EVENT_SPACE_BYTES))
}

/// Refuses a generation of this size if there is no room for it.
pub async fn refusal(
    ctx: &LoadContext,
    conn: &mut PgConnection,
    space_bytes: u64,
) -> Result<Option<String>, LoadError> {
    let space_bytes = space_bytes.saturating_mul(PEAK_PERCENT) / 100;
    let bound = ctx.config.rebuild.space_bytes_max;
    if bound > 0 && space_bytes > bound {
        return Ok(Some(format!(
            "folding the log again needs an estimated {} in Postgres at its peak, more than rebuild.space_bytes_max ({}); raise \
             the limit, or drop an older generation",
            size_text(space_bytes),
            size_text(bound)
        )));
    }
    let Some(directory) = generations::local_data_directory(conn).await? else { return Ok(None) };
    let Some(free) = free_bytes(Path::new(&directory)) else { return Ok(None) };
    Ok((space_bytes > free).then(|| {
        format!(
            "folding the log again needs an estimated {} in Postgres at its peak, but its disk has {} free; make room, or \
             drop an older generation",
            size_text(space_bytes),
            size_text(free)
        )
    }))
}

/// `None` if the disk is not visible from here.
fn free_bytes(path: &Path) -> Option<u64> {
    let found = path.ancestors().find_map(|path| rustix::fs::statvfs(path).ok())?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}
