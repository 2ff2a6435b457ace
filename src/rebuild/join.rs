//! `rebuild --join`: more processes, on this machine or others, for the generation that a rebuild is building.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::error::RebuildError;
use super::observer::Observer;
use super::session::check_database;
use crate::config::Config;
use crate::domain::generations::generation::{GenerationInfo, GenerationState};
use crate::domain::log::bounds::Bounds;
use crate::domain::log::key_share::KeySample;
use crate::domain::log::new_logs::NewLogs;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Topics;
use crate::load::{self, Build, LoadContext, waits};
use crate::store::connect::Access;
use crate::store::load::is_loading;
use crate::store::migrate::PROJECTION_VERSION;
use crate::store::tables::checkpoints::LogStart;
use crate::store::{Generation, StoreError, generations};

/// How long a rebuild that was just begun may take until there is something to join.
const BEGINS_WITHIN: Duration = Duration::from_secs(20);
/// How long a rebuild may be silent before those who joined it leave; one that was frozen for less goes on.
const SILENCE_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a process did that has joined a rebuild, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Joined {
    pub generation: i32,
    /// Records that it has read.
    pub events: u64,
    pub seconds: f64,
}

/// Takes part in the rebuild that is running, until there is nothing more to share.
pub async fn join(
    config: &Config,
    access: &Access,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<Joined, RebuildError> {
    let ctx = LoadContext::new(config, access)?;
    let (told, stop) = (observer.clone(), stop.child_token());
    let note = |line: &str| told.note(line);
    let joining = find_and_help(ctx.clone(), observer, stop.clone());
    access.while_it_answers(Box::pin(waits::told(&ctx.readiness, &note, &stop, joining))).await
}

async fn find_and_help(
    mut ctx: LoadContext,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<Joined, RebuildError> {
    let started = Instant::now();
    let mut conn = ctx.access.connect().await?;
    check_database(&mut conn).await?;
    let info = stop.run_until_cancelled(find(&mut conn)).await.ok_or_else(RebuildError::stopped)??;
    ctx.new_logs = NewLogs::of_origin(&info.origin);
    let (_, targets) = generations::find(&mut conn, Generation(info.generation)).await?.unzip();
    let build = build(&ctx, &info, targets.flatten(), &observer)?;
    observer.note(&format!("joining the rebuild of generation {}, begun by {}", info.generation, info.created_by));
    let progress = |progress| observer.progress(info.generation, &progress);
    let joining = tokio::select! {
        joined = load::join(&ctx, &build, &progress, &stop) => joined.map_err(RebuildError::from),
        gone = leader_gone(&mut conn, build.generation) => Err(gone),
    };
    let events = match joining {
        Ok(events) => events,
        Err(error) if !error.is_stopped() && !is_loading(&mut conn, build.generation).await? => {
            tracing::debug!(%error, "the rebuild went on without this process");
            0
        }
        Err(error) => return Err(error),
    };
    Ok(Joined { generation: info.generation, events, seconds: started.elapsed().as_secs_f64() })
}

/// The generation that a rebuild is building now, by this projection.
async fn find(conn: &mut PgConnection) -> Result<GenerationInfo, RebuildError> {
    let until = Instant::now() + BEGINS_WITHIN;
    loop {
        let list = generations::list(conn).await?;
        let building = list.into_iter().find(|info| info.state == GenerationState::Building && info.builder_alive);
        match building {
            Some(info) if info.projection_version == PROJECTION_VERSION => return Ok(info),
            Some(info) => {
                let (generation, theirs) = (info.generation, info.projection_version);
                return Err(RebuildError::refused(vec![format!(
                    "generation {generation} is built by projection {theirs}, and this binary has {PROJECTION_VERSION}: \
                     join it with the binary that began it"
                )]));
            }
            None if Instant::now() >= until => {
                return Err(RebuildError::refused(vec![
                    "no rebuild is running that could be joined: begin one with `foldback rebuild`".to_owned(),
                ]));
            }
            None => sleep(LOOK_EVERY).await,
        }
    }
}

/// As the rebuild has begun it, with the workers of this process.
fn build(
    ctx: &LoadContext,
    info: &GenerationInfo,
    targets: Option<Value>,
    observer: &Arc<dyn Observer>,
) -> Result<Build, RebuildError> {
    let bounds = |value: Option<&Value>| value.and_then(|value| Bounds::from_json(value, &ctx.topics));
    let parts = bounds(info.origin.get("from")).zip(bounds(targets.as_ref()));
    let (starts, targets) = parts.ok_or_else(|| {
        RebuildError::refused(vec![format!(
            "generation {} is built from other topics than {} and {}: join it with the configuration of the rebuild",
            info.generation, ctx.topics.orders, ctx.topics.runs
        )])
    })?;
    let told = observer.clone();
    Ok(Build {
        generation: Generation(info.generation),
        found: Arc::new(found(&starts, &info.origin, &ctx.topics)),
        targets,
        sample: KeySample::ALL,
        refused: Arc::default(),
        workers: ctx.config.rebuild.workers,
        records_per_second_max: 0,
        note: Arc::new(move |text| told.note(text)),
    })
}

fn found(starts: &Bounds, origin: &Value, topics: &Topics) -> BTreeMap<StreamPartition, LogStart> {
    let topic_id = |partition: StreamPartition| {
        let id = origin.get("topicIds")?.get(topics.name(partition.stream))?;
        id.as_str().map(str::to_owned)
    };
    let found = |(partition, log_start): (&StreamPartition, &i64)| {
        let (partition, log_start) = (*partition, *log_start);
        (partition, LogStart { partition, log_start, topic_id: topic_id(partition) })
    };
    starts.0.iter().map(found).collect()
}

/// Returns once the rebuild has been silent for so long that nobody seems to lead it.
async fn leader_gone(conn: &mut PgConnection, generation: Generation) -> RebuildError {
    let mut heard = Instant::now();
    while heard.elapsed() < SILENCE_MAX {
        sleep(LOOK_EVERY).await;
        // A database that is away says nothing about it.
        if !matches!(is_led(conn, generation).await, Ok(false)) {
            heard = Instant::now();
        }
    }
    RebuildError::failed(format!(
        "the rebuild of generation {} has not been heard of for {} s; what was committed is kept, and `foldback rebuild` \
         resumes it",
        generation.0,
        SILENCE_MAX.as_secs()
    ))
}

async fn is_led(conn: &mut PgConnection, generation: Generation) -> Result<bool, StoreError> {
    let list = generations::list(conn).await?;
    Ok(list.iter().any(|info| info.generation == generation.0 && info.builder_alive))
}
