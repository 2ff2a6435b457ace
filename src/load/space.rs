//! Whether the database has room for another generation, or for the shadow of a comparison.

use std::path::Path;

use sqlx::postgres::PgConnection;

use super::context::LoadContext;
use super::error::LoadError;
use crate::domain::log::bounds::Bounds;
use crate::domain::log::key_share::KeySample;
use crate::log::survey::TopicSurvey;
use crate::observe::size::size_text;
use crate::store::Generation;
use crate::store::generations::{self, live_projection};

/// Size of an event with its share of orders, replays and indexes, if there is no data to measure it by. Taken from
/// the sample events.
const EVENT_SPACE_BYTES: u64 = 1_000;

/// What a load takes at its peak, relative to what stays of it: spilled events and sorted indexes come on top.
const PEAK_PERCENT: u128 = 150;

/// What is to be folded, and what of the room for it is taken already.
pub struct Room {
    /// Of the log, with those of transaction markers.
    pub offsets: u64,
    /// Which orders.
    pub share: KeySample,
    /// Generations that a rebuild resumes or drops.
    pub reused: Vec<Generation>,
}

/// Number of offsets up to the given ends.
pub fn offsets(survey: &[TopicSurvey], ends: &Bounds) -> u64 {
    let partitions = survey.iter().flat_map(|topic| &topic.partitions);
    let offsets = partitions.map(|at| ends.of(at.partition).map_or(0, |end| (end - at.log_start).max(0)));
    offsets.map(i64::unsigned_abs).sum()
}

/// Bytes per event in the live generation, or else of the sample events.
pub async fn per_event(conn: &mut PgConnection) -> Result<u64, LoadError> {
    let live = live_projection(conn).await?.generation;
    Ok(measured(conn, live).await?.map_or(EVENT_SPACE_BYTES, |(bytes, events)| bytes / events))
}

/// Bytes per offset that the live generation was folded from: markers and duplicates leave offsets without an event.
async fn per_offset(conn: &mut PgConnection) -> Result<u64, LoadError> {
    let live = live_projection(conn).await?.generation;
    let Some((bytes, events)) = measured(conn, live).await? else { return Ok(EVENT_SPACE_BYTES) };
    let folded = generations::checkpoints(conn, live).await?.values().map(|offset| offset.unsigned_abs()).sum();
    Ok(bytes_per_offset(bytes, events, folded))
}

/// A log that was truncated since has fewer offsets than the generation has events.
fn bytes_per_offset(bytes: u64, events: u64, offsets: u64) -> u64 {
    bytes / events.max(offsets).max(1)
}

/// Bytes and events of a generation. `None`: it has too few rows, as empty tables and indexes take space too.
async fn measured(conn: &mut PgConnection, generation: Generation) -> Result<Option<(u64, u64)>, LoadError> {
    let (bytes, events) = generations::size(conn, generation).await?;
    Ok((events >= 10_000).then_some((bytes.unsigned_abs(), events.unsigned_abs())))
}

/// Refuses to fold that much if there is no room for it.
pub async fn refusal(ctx: &LoadContext, conn: &mut PgConnection, room: &Room) -> Result<Option<String>, LoadError> {
    let bytes = u128::from(room.offsets) * u128::from(per_offset(conn).await?);
    let bytes = bytes * u128::from(room.share.per_million) / u128::from(KeySample::ALL.per_million);
    let peak = u64::try_from(bytes * PEAK_PERCENT / 100).unwrap_or(u64::MAX);
    let bound = ctx.config.rebuild.space_bytes_max;
    if bound > 0 && peak > bound {
        return Ok(Some(format!(
            "folding the log again needs an estimated {} in Postgres at its peak, more than rebuild.space_bytes_max ({}); raise \
             the limit, or drop an older generation",
            size_text(peak),
            size_text(bound)
        )));
    }
    let Some(directory) = generations::local_data_directory(conn).await? else { return Ok(None) };
    let Some(free) = free_bytes(Path::new(&directory)) else { return Ok(None) };
    let mut reused = 0;
    for generation in &room.reused {
        reused += generations::size(conn, *generation).await?.0.unsigned_abs();
    }
    Ok(too_full(peak, free, reused))
}

/// `reused`: room that is taken already by what is to be folded, or is freed before.
fn too_full(peak: u64, free: u64, reused: u64) -> Option<String> {
    if peak <= free.saturating_add(reused) {
        return None;
    }
    let also = match reused {
        0 => String::new(),
        reused => format!(", beside {} of generations that it resumes or drops", size_text(reused)),
    };
    Some(format!(
        "folding the log again needs an estimated {} in Postgres at its peak, but its disk has {} free{also}; make room, or \
         drop an older generation",
        size_text(peak),
        size_text(free)
    ))
}

/// `None` if the disk is not visible from here.
fn free_bytes(path: &Path) -> Option<u64> {
    let found = path.ancestors().find_map(|path| rustix::fs::statvfs(path).ok())?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    #[test]
    fn what_is_folded_already_or_dropped_before_is_no_room_that_is_lacking() {
        assert_eq!(too_full(80 * GB, 30 * GB, 60 * GB), None);
        let refusal = too_full(80 * GB, 30 * GB, 40 * GB).unwrap();
        assert!(
            refusal.contains("27.9 GiB free, beside 37.3 GiB of generations that it resumes or drops"),
            "{refusal}"
        );
        assert!(!too_full(80 * GB, 30 * GB, 0).unwrap().contains("beside"));
    }

    #[test]
    fn an_offset_without_an_event_takes_no_room() {
        assert_eq!(bytes_per_offset(1_000_000, 1_000, 2_000), 500, "every record has a marker of its transaction");
        assert_eq!(bytes_per_offset(1_000_000, 1_000, 1_000), 1_000);
        assert_eq!(bytes_per_offset(1_000_000, 1_000, 10), 1_000, "the log was truncated since");
    }
}
