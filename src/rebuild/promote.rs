//! `generations promote`, `rollback` and `drop`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::cut_over::{Finish, Finished};
use super::error::RebuildError;
use super::observer::Observer;
use super::options::{Check, Depth, Rebuilt, RolledBack};
use super::retire::retire;
use super::run::settle_state;
use super::session::{Session, check_database};
use super::{checks, new_log};
use crate::config::Config;
use crate::domain::generations::generation::{GenerationInfo, GenerationState};
use crate::domain::log::bounds::Bounds;
use crate::domain::log::partition::StreamPartition;
use crate::live::backoff::Backoff;
use crate::load::{LoadContext, found, log_guard, positions, waits};
use crate::store::connect::Access;
use crate::store::generations::{self, CutOver};
use crate::store::migrate::PROJECTION_VERSION;
use crate::store::tables::checkpoints::LogStart;
use crate::store::{Generation, StoreError, load};
use crate::verify::LogPart;

/// Pauses between tries of a rollback: commits wait while a try waits, so they grow.
const TRY_PAUSE: Duration = Duration::from_millis(100);
const TRY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Catches up a ready or kept generation, checks it, and makes it live.
pub async fn promote(
    config: &Config,
    access: &Access,
    generation: i32,
    accept_dead_letters: bool,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<Rebuilt, RebuildError> {
    let work = async {
        let mut ctx = LoadContext::new(config, access)?;
        let mut session = Session::enter(&ctx).await?;
        let generation = Generation(generation);
        ctx.new_logs = new_log::of(&mut session.conn, generation).await?;
        let (told, stop) = (observer.clone(), stop.child_token());
        let note = |line: &str| told.note(line);
        let promoting = check_and_promote(&ctx, session, generation, accept_dead_letters, observer, stop.clone());
        waits::told(&ctx.readiness, &note, &stop, promoting).await
    };
    access.while_it_answers(Box::pin(work)).await
}

async fn check_and_promote(
    ctx: &LoadContext,
    mut session: Session,
    generation: Generation,
    accept_dead_letters: bool,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<Rebuilt, RebuildError> {
    let started = Instant::now();
    let survey = session.survey(ctx, async |_, _| Ok(None)).await?;
    let before = promotable(&mut session.conn, generation).await?;
    let other_log = log_guard::other_log(ctx, &mut session.conn, generation, &survey).await?;
    if !other_log.is_empty() {
        return Err(RebuildError::refused(other_log));
    }
    generations::reopen(&mut session.conn, generation).await?;
    let session = session.beat(generation, &observer, &stop);
    let heartbeat = &session.heartbeat;
    let finish = Finish {
        ctx,
        generation,
        workers: ctx.config.rebuild.workers,
        accept_dead_letters,
        observer: &observer,
        heartbeat,
        stop: &heartbeat.lost,
    };
    let mut checks = Vec::new();
    let found = Arc::new(found(&survey));
    let work = Box::pin(check_and_finish(ctx, &finish, &found, &mut checks));
    let outcome = heartbeat.guard(work).await;
    // One that is live is live, whatever became of the lock since.
    let must_hold = !matches!(outcome, Ok(Finished::Live)) && session.lock_was_lost(&stop);
    let mut conn = session.leave(ctx, must_hold).await?;
    let finished = match outcome {
        Ok(finished) => finished,
        Err(error) => {
            generations::back_to(&mut conn, generation, before).await?;
            return Err(error);
        }
    };
    let rebuilt = Rebuilt {
        generation: generation.0,
        state: GenerationState::Ready,
        events: 0,
        seconds: started.elapsed().as_secs_f64(),
        checks,
        dropped: Vec::new(),
    };
    // A previously live one remains available for a rollback.
    if before == GenerationState::Kept && !matches!(finished, Finished::Live) {
        generations::back_to(&mut conn, generation, before).await?;
        let rebuilt = Rebuilt { state: before, ..rebuilt };
        return if matches!(finished, Finished::Ready) { Ok(rebuilt) } else { Err(RebuildError::Checks(rebuilt)) };
    }
    let rebuilt = settle_state(&mut conn, generation, finished, rebuilt).await?;
    drop(conn);
    retire(ctx, rebuilt, &observer).await
}

/// Its state, if it can go live.
async fn promotable(conn: &mut PgConnection, generation: Generation) -> Result<GenerationState, RebuildError> {
    let refuse = |why: String| Err(RebuildError::refused(vec![why]));
    let Some((info, _)) = generations::find(conn, generation).await? else {
        return refuse(format!("there is no generation {}; see `foldback generations list`", generation.0));
    };
    let number = generation.0;
    if info.until.is_some() {
        return refuse(format!(
            "generation {number} holds the views as of an earlier point (--until); it can't go live"
        ));
    }
    if info.projection_version != PROJECTION_VERSION {
        return refuse(format!(
            "generation {number} was folded by projection version {}, but this binary has {PROJECTION_VERSION}: \
             promote it with a binary of that version",
            info.projection_version
        ));
    }
    let loading = load::is_loading(conn, generation).await?;
    match info.state {
        GenerationState::Ready | GenerationState::Kept if !loading => Ok(info.state),
        GenerationState::Live => refuse(format!("generation {number} is already live")),
        // Every check is made again: it may have failed only in what --accept-dead-letters accepts.
        GenerationState::Failed if !loading && has_checkpoints(conn, generation).await? => Ok(GenerationState::Failed),
        GenerationState::Failed => refuse(format!(
            "generation {number} failed its checks ({}) and is incomplete; `foldback rebuild` builds a new one",
            info.failure.unwrap_or_default()
        )),
        // An interrupted promotion leaves it in this state; it is complete.
        GenerationState::Building if !loading && has_checkpoints(conn, generation).await? => Ok(GenerationState::Ready),
        _ => refuse(format!("generation {number} is incomplete; `foldback rebuild` resumes it")),
    }
}

async fn has_checkpoints(conn: &mut PgConnection, generation: Generation) -> Result<bool, RebuildError> {
    Ok(!generations::checkpoints(conn, generation).await?.is_empty())
}

async fn check_and_finish(
    ctx: &LoadContext,
    finish: &Finish<'_>,
    found: &Arc<BTreeMap<StreamPartition, LogStart>>,
    checks: &mut Vec<Check>,
) -> Result<Finished, RebuildError> {
    let mut conn = ctx.access.connect().await?;
    checks.push(checks::counts(&mut conn, finish.generation).await?);
    let ends = Bounds(positions(ctx, finish.generation).await?);
    let depth = Depth::Sample(ctx.config.rebuild.sample_per_million);
    let (log, whole) = (LogPart { found, ends: &ends }, std::future::ready(()));
    if let Some(second) = checks::compared(ctx, finish.generation, log, depth, whole, finish.stop).await? {
        // The number of records it was folded from is no longer known, so there is nothing to compare that with.
        checks.push(checks::refolded(&second));
    }
    if checks.iter().any(|check| !check.passed) {
        return Ok(Finished::Refused);
    }
    finish.run(true, checks).await
}

/// Makes the newest kept generation live again, at once. `yes`: even if no running instance can continue it.
pub async fn roll_back(config: &Config, access: &Access, yes: bool) -> Result<RolledBack, RebuildError> {
    access.while_it_answers(Box::pin(try_roll_back(config, access, yes))).await
}

async fn try_roll_back(config: &Config, access: &Access, yes: bool) -> Result<RolledBack, RebuildError> {
    let ctx = LoadContext::new(config, access)?;
    // Not the rebuild's lock: a way back is needed at any moment, and the lock on the live generation keeps two apart.
    let mut conn = ctx.access.connect().await?;
    check_database(&mut conn).await?;
    let kept = newest_kept(generations::list(&mut conn).await?)?;
    new_log::refuse_older(&mut conn, &kept).await?;
    let instances = generations::foldable_by(&mut conn, kept.projection_version).await?;
    if instances == 0 && !yes {
        return Err(RebuildError::refused(vec![format!(
            "no running instance can continue generation {} (projection version {}): until one is started, readers \
             would see it without anything newer; --yes rolls back anyway",
            kept.generation, kept.projection_version
        )]));
    }
    let rebuild = &config.rebuild;
    let deadline = tokio::time::Instant::now() + rebuild.cut_over_timeout;
    let mut backoff = Backoff::new(TRY_PAUSE, TRY_PAUSE_MAX);
    loop {
        match generations::roll_back(&mut conn, Generation(kept.generation), rebuild.lock_timeout).await? {
            CutOver::Done { before } => return Ok(RolledBack { from: before.0, to: kept.generation }),
            CutOver::NotPossible(why) => return Err(RebuildError::refused(vec![why])),
            CutOver::InTheWay(why) if tokio::time::Instant::now() >= deadline => {
                return Err(RebuildError::failed(format!(
                    "the rollback did not succeed within {} s: {why}; try again when readers' long transactions have \
                     ended",
                    rebuild.cut_over_timeout.as_secs()
                )));
            }
            CutOver::InTheWay(_) => sleep(backoff.pause()).await,
        }
    }
}

fn newest_kept(list: Vec<GenerationInfo>) -> Result<GenerationInfo, RebuildError> {
    // One that is being promoted was live before too.
    let was_live = |info: &GenerationInfo| info.state == GenerationState::Ready && info.promoted_at.is_some();
    let kept = list.into_iter().filter(|info| info.state == GenerationState::Kept || was_live(info));
    kept.max_by_key(|info| (info.promoted_at, info.generation)).ok_or_else(|| {
        RebuildError::refused(vec![
            "there is no kept generation to roll back to; see `foldback generations list`".into(),
        ])
    })
}

/// Drops a generation that is not live.
pub async fn drop_generation(config: &Config, access: &Access, generation: i32) -> Result<(), RebuildError> {
    access.while_it_answers(Box::pin(try_drop(config, access, generation))).await
}

async fn try_drop(config: &Config, access: &Access, generation: i32) -> Result<(), RebuildError> {
    let ctx = LoadContext::new(config, access)?;
    let mut conn = Session::enter(&ctx).await?.conn;
    let refuse = |why: String| Err(RebuildError::refused(vec![why]));
    match generations::find(&mut conn, Generation(generation)).await? {
        None => refuse(format!("there is no generation {generation}; see `foldback generations list`")),
        Some((info, _)) if info.state == GenerationState::Live => {
            refuse(format!("generation {generation} is live and readers see it; promote another one first"))
        }
        Some(_) => match generations::drop_generation(&mut conn, Generation(generation)).await {
            Err(StoreError::Contention(_)) => Err(RebuildError::failed(format!(
                "generation {generation} was not dropped: a transaction has read it and has not ended; try again once it has"
            ))),
            dropped => dropped.map(drop).map_err(RebuildError::from),
        },
    }
}
