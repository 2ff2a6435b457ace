//! Takes part in a load that another process leads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Build;
use super::context::LoadContext;
use super::error::LoadError;
use super::progress::LoadProgress;
use super::{crew, finalize};
use crate::domain::generations::generation::{Phase, Progress};
use crate::observe::host::whoami;
use crate::store::load::{self, Member, Step};
use crate::store::{Generation, StoreError};

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Reads partitions and settles slices until none is left, whoever does it. Returns how many records were read here.
///
/// Ends only by itself where the leader goes on: where it may have died, the caller has to look.
pub async fn join(
    ctx: &LoadContext,
    build: &Build,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &CancellationToken,
) -> Result<u64, LoadError> {
    let load_progress = Arc::new(LoadProgress::new());
    super::telling(&load_progress, progress, take_part(ctx, build, &load_progress, stop)).await?;
    Ok(load_progress.own_records())
}

async fn take_part(
    ctx: &LoadContext,
    build: &Build,
    load_progress: &Arc<LoadProgress>,
    stop: &CancellationToken,
) -> Result<(), LoadError> {
    let generation = build.generation;
    let mut conn = load::connect(&ctx.access).await?;
    while !load::is_joinable(&mut conn, generation).await? {
        pause(stop).await?;
    }
    let member = enroll(ctx, &mut conn, generation, false).await?;
    crew::fold_log(ctx, build, member, load_progress, stop).await?;
    load_progress.enter(Phase::Settling);
    while !load::is_settling(&mut conn, generation).await? {
        pause(stop).await?;
    }
    if !load::is_done(&mut conn, generation, Step::Settled).await? {
        finalize::settle_slices(ctx, build, member.0, VecDeque::new(), stop).await?;
    }
    Ok(())
}

async fn pause(stop: &CancellationToken) -> Result<(), LoadError> {
    stop.run_until_cancelled(sleep(LOOK_EVERY)).await.ok_or_else(LoadError::stopped)
}

/// A new member, which knows the schemas that others could not find.
pub async fn enroll(
    ctx: &LoadContext,
    conn: &mut PgConnection,
    generation: Generation,
    leads: bool,
) -> Result<Member, StoreError> {
    if leads {
        load::prepare_leases(conn, generation).await?;
    }
    ctx.resolver.unknown_before(load::unknown_schemas(conn).await?);
    load::enroll(conn, generation, &whoami(), leads).await
}
