//! `rebuild`: takes the next generation from the log's start to live.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::checks::Second;
use super::cut_over::{Finish, Finished};
use super::error::RebuildError;
use super::heartbeat::Heartbeat;
use super::intent::{Intent, until_json};
use super::observer::Observer;
use super::options::{Check, Depth, RebuildOptions, Rebuilt};
use super::session::Session;
use super::{checks, new_log, retire, until};
use crate::config::Config;
use crate::domain::generations::generation::{GenerationInfo, GenerationState, Phase, Progress};
use crate::domain::log::bounds::Bounds;
use crate::domain::log::key_share::KeySample;
use crate::domain::log::partition::StreamPartition;
use crate::load::space::Room;
use crate::load::{Build, LoadContext, Note, build, found, positions, space, waits};
use crate::log::survey::TopicSurvey;
use crate::observe::host::whoami;
use crate::store::connect::Access;
use crate::store::generations::{self, NewGeneration};
use crate::store::tables::checkpoints::LogStart;
use crate::store::{Generation, StoreError, load};
use crate::verify::LogPart;

/// Share of the memory for refolding a sample.
const SECOND_SHARE: usize = 8;

/// Builds the next generation (or resumes an interrupted one), checks it, and makes it live.
pub async fn rebuild(
    config: &Config,
    access: &Access,
    options: &RebuildOptions,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<Rebuilt, RebuildError> {
    let mut ctx = LoadContext::new(config, access)?;
    ctx.new_logs = options.new_logs.clone();
    let (told, stop) = (observer.clone(), stop.child_token());
    let note = |line: &str| told.note(line);
    let building = build_and_finish(&ctx, options, observer, stop.clone());
    access.while_it_answers(Box::pin(waits::told(&ctx.readiness, &note, &stop, building))).await
}

async fn build_and_finish(
    ctx: &LoadContext,
    options: &RebuildOptions,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<Rebuilt, RebuildError> {
    let started = Instant::now();
    let mut session = Session::enter(ctx).await?;
    let mut targets = Bounds::default();
    let has_room = async |conn: &mut PgConnection, survey: &[TopicSurvey]| {
        targets = until::targets(ctx, survey, options.until.as_ref()).await?;
        let intent = Intent::read(ctx, conn, options).await?;
        no_room(ctx, conn, (survey, &targets), (options, &intent)).await
    };
    let survey = session.survey(ctx, has_room).await?;
    let job = find_or_create(ctx, &mut session.conn, options, (&survey, targets), &observer).await?;
    let session = session.beat(job.generation, &observer, &stop);
    let heartbeat = &session.heartbeat;
    let run = Run { ctx, options, job: &job, observer: &observer, heartbeat, stop: &heartbeat.lost };
    let outcome = heartbeat.guard(Box::pin(run.run())).await;
    // One that is live is live, whatever became of the lock since.
    let is_live = matches!(outcome, Ok((Finished::Live, ..)));
    let must_hold = !is_live && (outcome.is_ok() || session.lock_was_lost(&stop));
    let mut conn = session.leave(ctx, must_hold).await?;
    let (finished, events, checks) = outcome?;
    let seconds = started.elapsed().as_secs_f64();
    let (generation, state) = (job.generation.0, GenerationState::Ready);
    let rebuilt = Rebuilt { generation, state, events, seconds, checks, dropped: Vec::new() };
    let rebuilt = settle_state(&mut conn, job.generation, finished, rebuilt).await?;
    drop(conn);
    retire::retire(ctx, rebuilt, &observer).await
}

/// Why there is no room for what a rebuild would fold, if so.
pub(super) async fn no_room(
    ctx: &LoadContext,
    conn: &mut PgConnection,
    (survey, targets): (&[TopicSurvey], &Bounds),
    (options, intent): (&RebuildOptions, &Intent),
) -> Result<Option<String>, RebuildError> {
    let targets = intent.resumes.as_ref().map_or(targets, |(_, targets)| targets);
    let offsets = space::offsets(survey, targets);
    let room = Room { offsets, share: options.folds(), reused: intent.reused() };
    Ok(space::refusal(ctx, conn, &room).await?)
}

/// Records the result in the database.
pub(super) async fn settle_state(
    conn: &mut PgConnection,
    generation: Generation,
    finished: Finished,
    mut rebuilt: Rebuilt,
) -> Result<Rebuilt, RebuildError> {
    match finished {
        Finished::Live => {
            rebuilt.state = GenerationState::Live;
            Ok(rebuilt)
        }
        Finished::Ready => {
            generations::ready(conn, generation).await?;
            Ok(rebuilt)
        }
        Finished::Refused => {
            let failed: Vec<String> = rebuilt
                .checks
                .iter()
                .filter(|check| !check.passed)
                .map(|check| format!("{}: {}", check.name, check.detail))
                .collect();
            generations::fail(conn, generation, &failed.join("; ")).await?;
            rebuilt.state = GenerationState::Failed;
            Err(RebuildError::Checks(rebuilt))
        }
    }
}

fn checking(events: u64) -> Progress {
    Progress { phase: Phase::Checking, ratio: 1.0, events, events_per_second: 0.0, eta_seconds: None }
}

/// What to build or resume.
struct Job {
    generation: Generation,
    found: Arc<BTreeMap<StreamPartition, LogStart>>,
    targets: Bounds,
}

/// The generation of an interrupted rebuild with the same options, or a new one. Drops what others have left.
async fn find_or_create(
    ctx: &LoadContext,
    conn: &mut PgConnection,
    options: &RebuildOptions,
    (survey, targets): (&[TopicSurvey], Bounds),
    observer: &Arc<dyn Observer>,
) -> Result<Job, RebuildError> {
    let found = Arc::new(found(survey));
    let intent = Intent::read(ctx, conn, options).await?;
    for info in &intent.leftovers {
        drop_left_over(conn, info, observer).await?;
    }
    if let Some((generation, targets)) = intent.resumes {
        observer.note(&format!("resuming generation {}", generation.0));
        return Ok(Job { generation, found, targets });
    }
    let mut origin = origin(ctx, survey);
    new_log::note(ctx, conn, &mut origin).await?;
    let (until, to) = (until_json(ctx, options), targets.to_json(&ctx.topics));
    let new = NewGeneration { created_by: whoami(), origin, targets: to, until };
    let generation = generations::create(conn, &new).await?;
    observer.note(&format!("building generation {}", generation.0));
    Ok(Job { generation, found, targets })
}

/// Drops what an earlier rebuild has left.
async fn drop_left_over(
    conn: &mut PgConnection,
    info: &GenerationInfo,
    observer: &Arc<dyn Observer>,
) -> Result<(), RebuildError> {
    let (number, state) = (info.generation, info.state.as_str());
    match generations::drop_generation(conn, Generation(number)).await {
        Ok(true) => observer.note(&format!("dropped generation {number}, left over in state {state}")),
        Ok(false) => {}
        Err(StoreError::Contention(_)) => observer.note(&format!(
            "generation {number}, left over in state {state}, could not be dropped yet: a transaction has read it"
        )),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn origin(ctx: &LoadContext, survey: &[TopicSurvey]) -> Value {
    let starts = survey.iter().flat_map(|topic| &topic.partitions).map(|at| (at.partition, at.log_start)).collect();
    let ids: serde_json::Map<String, Value> =
        survey.iter().map(|topic| (topic.topic.clone(), json!(topic.topic_id))).collect();
    json!({"from": Bounds(starts).to_json(&ctx.topics), "topicIds": ids})
}

struct Run<'a> {
    ctx: &'a LoadContext,
    options: &'a RebuildOptions,
    job: &'a Job,
    observer: &'a Arc<dyn Observer>,
    heartbeat: &'a Heartbeat,
    stop: &'a CancellationToken,
}

impl Run<'_> {
    async fn run(&self) -> Result<(Finished, u64, Vec<Check>), RebuildError> {
        let generation = self.job.generation;
        let workers = self.options.workers.unwrap_or(self.ctx.config.rebuild.workers);
        let mut checks = Vec::new();
        let mut events = 0;
        if !self.is_built().await? {
            let build_it = Build {
                generation,
                found: self.job.found.clone(),
                targets: self.job.targets.clone(),
                sample: KeySample::ALL,
                refused: Arc::default(),
                workers,
                records_per_second_max: 0,
                note: self.note(),
            };
            (events, checks) = self.build_and_check(&build_it).await?;
            if checks.iter().any(|check| !check.passed) {
                return Ok((Finished::Refused, events, checks));
            }
            load::drop_tables(&mut load::connect(&self.ctx.access).await?, generation).await?;
        }
        if self.options.until.is_some() {
            return Ok((Finished::Ready, events, checks));
        }
        let finish = Finish {
            ctx: self.ctx,
            generation,
            workers,
            accept_dead_letters: self.options.accept_dead_letters,
            observer: self.observer,
            heartbeat: self.heartbeat,
            stop: self.stop,
        };
        let finished = finish.run(self.options.promote, &mut checks).await?;
        Ok((finished, events, checks))
    }

    /// Whether an earlier process had already built it: then the load's tables are gone, and it has checkpoints.
    async fn is_built(&self) -> Result<bool, RebuildError> {
        let mut conn = self.ctx.access.connect().await?;
        let loading = load::is_loading(&mut conn, self.job.generation).await?;
        Ok(!loading && !positions(self.ctx, self.job.generation).await?.is_empty())
    }

    /// Builds, and refolds the sample in parallel.
    async fn build_and_check(&self, build_it: &Build) -> Result<(u64, Vec<Check>), RebuildError> {
        let (is_whole, whole) = oneshot::channel();
        let both = self.stop.child_token();
        let building = async {
            let built = build(self.ctx, build_it, &|progress| self.heartbeat.tell(progress), &both).await;
            let counted = match built {
                Ok(built) => {
                    self.heartbeat.tell(checking(built.records.values().sum()));
                    // Nobody waits for this if nothing is compared.
                    let _ = is_whole.send(());
                    self.counted(build_it.generation).await.map(|check| (built, check))
                }
                Err(error) => Err(error.into()),
            };
            if counted.is_err() {
                both.cancel();
            }
            counted
        };
        let comparing = async {
            let second = self.second(build_it, whole, &both).await;
            if second.is_err() {
                both.cancel();
            }
            second
        };
        let (built, second) = tokio::join!(building, comparing);
        // If one was only told to stop, the other has the reason.
        let (built, second) = match (built, second) {
            (Err(built), Err(second)) => return Err(if built.is_stopped() { second } else { built }),
            (Err(error), _) | (_, Err(error)) => return Err(error),
            (Ok(built), Ok(second)) => (built, second),
        };
        let (built, counts) = built;
        let events = built.records.values().sum();
        let mut found = vec![counts];
        if let Some(second) = second {
            found.extend(checks::second(self.ctx, &built.records, &second));
        }
        Ok((events, found))
    }

    fn note(&self) -> Note {
        let observer = self.observer.clone();
        Arc::new(move |text| observer.note(text))
    }

    async fn counted(&self, generation: Generation) -> Result<Check, RebuildError> {
        checks::counts(&mut self.ctx.access.connect().await?, generation).await
    }

    async fn second(
        &self,
        build_it: &Build,
        whole: oneshot::Receiver<()>,
        stop: &CancellationToken,
    ) -> Result<Option<Second>, RebuildError> {
        let whole = async {
            // Without an answer it never becomes complete, and the caller stops us.
            if whole.await.is_err() {
                std::future::pending().await
            }
        };
        let (generation, depth) = (build_it.generation, self.options.depth);
        let log = LogPart { found: &self.job.found, ends: &self.job.targets };
        if depth == Depth::Full {
            // As much work as the first fold, so one after the other.
            stop.run_until_cancelled(whole).await.ok_or_else(RebuildError::stopped)?;
            return checks::compared(self.ctx, generation, log, depth, std::future::ready(()), stop).await;
        }
        let mut ctx = self.ctx.clone();
        ctx.config.rebuild.memory_bytes /= SECOND_SHARE;
        ctx.config.rebuild.workers = 1;
        checks::compared(&ctx, generation, log, depth, whole, stop).await
    }
}
