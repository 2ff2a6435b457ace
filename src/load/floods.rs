//! The flood guard of a load: too many consecutive records of a partition that are rejected for one reason are our fault,
//! not theirs, as for the live fold.
//!
//! Most rejections are met while the log is read. Conflicts are found later, when all events of an order are there.

use sqlx::postgres::PgConnection;

use super::Build;
use super::context::LoadContext;
use super::error::LoadError;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::{Stream, Topics};
use crate::domain::log::rejection::Reason;
use crate::projection::Outcome;
use crate::projection::streak::FloodGuard;
use crate::store::decisions::allowances;
use crate::store::load::{self, LivePosition};

/// Where a flood reaches its limit.
pub fn refusal(
    topics: &Topics,
    partition: StreamPartition,
    offset: i64,
    reason: Reason,
    refusals_max: i64,
) -> LoadError {
    let (topic, partition) = (topics.name(partition.stream), partition.index);
    LoadError::Refused(vec![format!(
        "{refusals_max} consecutive records were rejected as {reason}, up to topic {topic}, partition {partition}, offset \
         {offset}. Fix the cause (a schema? this binary?), or let them pass with `foldback dead-letters allow {topic} \
         {partition} {offset}`; then `foldback rebuild` resumes"
    )])
}

/// Refuses conflicts that would stop the live fold, among the records that it has not folded yet; what it has passed was
/// decided then. A shadow shows what the log gives.
pub async fn refuse_conflicts(ctx: &LoadContext, build: &Build, conn: &mut PgConnection) -> Result<(), LoadError> {
    if build.generation.is_shadow() {
        return Ok(());
    }
    let partitions = build.found.keys().filter(|partition| partition.stream == Stream::Orders);
    for partition in partitions {
        refuse_conflicts_in(ctx, build, conn, *partition).await?;
    }
    Ok(())
}

async fn refuse_conflicts_in(
    ctx: &LoadContext,
    build: &Build,
    conn: &mut PgConnection,
    partition: StreamPartition,
) -> Result<(), LoadError> {
    let (topic, index) = (ctx.topics.name(partition.stream), partition.index);
    let live = if ctx.new_logs.contains(topic) { None } else { load::live_position(conn, topic, index).await? };
    let LivePosition { next_offset: from, streak } = live.unwrap_or_default();
    let refusals_max = ctx.config.limits.refusals_in_a_row_max;
    let before = streak.filter(|streak| streak.reason == Reason::SequenceConflict).map_or(0, |streak| streak.count);
    let conflicts = load::long_streaks(conn, build.generation, topic, (index, from), refusals_max - before).await?;
    let allowed = allowances::allowances(conn, build.generation, topic, index, from).await?;
    let mut guard = FloodGuard { streak, refusals_max };
    let mut streak_before = 0;
    for (offset, streak) in conflicts {
        if streak != streak_before {
            (guard.streak, streak_before) = (None, streak);
        }
        let outcome = Outcome::DeadLetter(Reason::SequenceConflict);
        if !guard.pass(outcome, || allowed.contains(&offset)) {
            return Err(refusal(&ctx.topics, partition, offset, Reason::SequenceConflict, refusals_max));
        }
    }
    Ok(())
}
