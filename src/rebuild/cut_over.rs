//! Makes a built generation live: catch up, check, cut over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::checks;
use super::error::RebuildError;
use super::heartbeat::Heartbeat;
use super::observer::Observer;
use super::options::Check;
use crate::domain::generations::generation::{Phase, Progress};
use crate::domain::log::partition::StreamPartition;
use crate::live::backoff::Backoff;
use crate::load::{Follower, LoadContext, positions};
use crate::store::Generation;
use crate::store::generations::{self, CutOver, Moment, live_projection};

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Pauses after tries of the cut-over that something was in the way of: commits wait while a try waits, so they grow.
const TRY_PAUSE: Duration = Duration::from_millis(100);
const TRY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// The end of the log is asked for so often while catching up.
const SURVEY_EVERY: Duration = Duration::from_secs(1);

/// A generation in its last steps.
pub struct Finish<'a> {
    pub ctx: &'a LoadContext,
    pub generation: Generation,
    pub workers: usize,
    pub accept_dead_letters: bool,
    pub observer: &'a Arc<dyn Observer>,
    pub heartbeat: &'a Heartbeat,
    pub stop: &'a CancellationToken,
}

/// Workers that keep folding the generation, and the log's ends when they started.
struct Following {
    follower: Follower,
    ends: BTreeMap<StreamPartition, i64>,
    /// A moment at which everything that was folded before the checks had been committed.
    whole: Moment,
}

/// Result of the last steps.
pub enum Finished {
    Live,
    Ready,
    Refused,
}

impl Finish<'_> {
    /// Folds until it is close to the end of the log, checks, and cuts over if `promote`.
    pub async fn run(&self, promote: bool, checks: &mut Vec<Check>) -> Result<Finished, RebuildError> {
        let mut conn = self.ctx.access.connect().await?;
        self.tell(Phase::CatchingUp, 0.0);
        let mut following = self.follow(generations::now(&mut conn).await?).await?;
        let finished = self.steps(&mut conn, &mut following, promote, checks).await;
        match finished {
            // They can no longer write, and the operator need not wait until they notice.
            Ok(Finished::Live) => drop(tokio::spawn(following.follower.stop())),
            _ => following.follower.stop().await,
        }
        finished
    }

    /// Follows every partition that exists now.
    async fn follow(&self, whole: Moment) -> Result<Following, RebuildError> {
        let ends = self.ends().await?;
        let partitions: Vec<StreamPartition> = ends.keys().copied().collect();
        let follower = Follower::start(self.ctx, self.generation, &partitions, self.workers, None)?;
        Ok(Following { follower, ends, whole })
    }

    async fn steps(
        &self,
        conn: &mut PgConnection,
        following: &mut Following,
        promote: bool,
        checks: &mut Vec<Check>,
    ) -> Result<Finished, RebuildError> {
        let earlier = checks.len();
        loop {
            checks.truncate(earlier);
            self.catch_up(following).await?;
            // Who has read the database before this moment would see it without what was folded since.
            following.whole = generations::now(conn).await?;
            self.tell(Phase::Checking, 1.0);
            let live = live_projection(conn).await?.generation;
            self.check(conn, live, following, checks).await?;
            if checks.iter().any(|check| !check.passed) {
                return Ok(Finished::Refused);
            }
            if !promote {
                return Ok(Finished::Ready);
            }
            let asked = Instant::now();
            if !self.confirmed(live).await {
                return Ok(Finished::Ready);
            }
            // While a cut-over is tried for that long, they are as old.
            if asked.elapsed() < self.ctx.config.rebuild.cut_over_timeout {
                self.tell(Phase::CuttingOver, 1.0);
                return self.cut_over(conn, following).await;
            }
            self.observer.note("the answer took a while: checking again what may have changed");
        }
    }

    /// Checks what the live generation and the log say now.
    async fn check(
        &self,
        conn: &mut PgConnection,
        live: Generation,
        following: &Following,
        checks: &mut Vec<Check>,
    ) -> Result<(), RebuildError> {
        crate::store::decisions::discards::apply(conn, self.generation).await?;
        checks.push(checks::dead_letters(conn, self.generation, live, self.accept_dead_letters).await?);
        checks.push(checks::not_empty(conn, self.generation, live).await?);
        checks.push(checks::backlog(conn, self.generation).await?);
        // Last, and asked for again: the others take a while, in which a partition may have stopped.
        checks.push(checks::positions(self.ctx, &self.behind(following, &self.ends().await?).await?));
        Ok(())
    }

    async fn confirmed(&self, live: Generation) -> bool {
        let question = format!("Make generation {} live instead of generation {}?", self.generation.0, live.0);
        let observer = self.observer.clone();
        tokio::task::spawn_blocking(move || observer.confirm(&question)).await.unwrap_or(false)
    }

    /// Waits until the generation is close to the end of the log. Fails if it comes no closer for too long.
    async fn catch_up(&self, following: &mut Following) -> Result<(), RebuildError> {
        let bound = i64::try_from(self.ctx.config.rebuild.lag_records_max).unwrap_or(i64::MAX);
        let mut ends = following.ends.clone();
        let mut surveyed = Instant::now();
        let (mut first, mut closest, mut closer) = (None, i64::MAX, Instant::now());
        loop {
            if self.stop.is_cancelled() {
                return Err(RebuildError::stopped());
            }
            following.follower.check()?;
            if surveyed.elapsed() >= SURVEY_EVERY {
                ends = self.ends().await?;
                surveyed = Instant::now();
            }
            let behind = self.behind(following, &ends).await?;
            let lag: i64 = behind.values().sum();
            // A position counts only once its partition has been claimed.
            if lag <= bound && behind.len() == following.ends.len() {
                return Ok(());
            }
            if lag < closest {
                (closest, closer) = (lag, Instant::now());
            } else if closer.elapsed() >= self.ctx.config.rebuild.catch_up_timeout {
                return Err(self.no_closer(lag, closer.elapsed()));
            }
            let first = *first.get_or_insert(lag.max(1));
            self.tell(Phase::CatchingUp, 1.0 - lag as f64 / first.max(lag) as f64);
            sleep(LOOK_EVERY).await;
        }
    }

    /// How many offsets each claimed partition is behind these ends.
    async fn behind(
        &self,
        following: &Following,
        ends: &BTreeMap<StreamPartition, i64>,
    ) -> Result<BTreeMap<StreamPartition, i64>, RebuildError> {
        let at = positions(self.ctx, self.generation).await?;
        let followed = ends.iter().filter(|(partition, _)| following.ends.contains_key(partition));
        Ok(followed.filter_map(|(partition, end)| Some((*partition, (end - at.get(partition)?).max(0)))).collect())
    }

    fn no_closer(&self, lag: i64, waited: Duration) -> RebuildError {
        let number = self.generation.0;
        RebuildError::failed(format!(
            "generation {number} has come no closer to the end of the log for {} s (rebuild.catch_up_timeout_ms) and is {lag} \
             offsets behind: publishers may be faster than this machine, or a partition stands still. `foldback generations \
             promote {number}` tries again; more rebuild.workers may help",
            waited.as_secs()
        ))
    }

    async fn ends(&self) -> Result<BTreeMap<StreamPartition, i64>, RebuildError> {
        let survey = self.ctx.survey().await?;
        Ok(survey.iter().flat_map(|topic| &topic.partitions).map(|at| (at.partition, at.end)).collect())
    }

    async fn cut_over(&self, conn: &mut PgConnection, following: &mut Following) -> Result<Finished, RebuildError> {
        let rebuild = &self.ctx.config.rebuild;
        let deadline = Instant::now() + rebuild.cut_over_timeout;
        let mut backoff = Backoff::new(TRY_PAUSE, TRY_PAUSE_MAX);
        loop {
            if self.stop.is_cancelled() {
                return Err(RebuildError::stopped());
            }
            following.follower.check()?;
            let tried = match generations::older_than(conn, following.whole).await? {
                Some(reader) => CutOver::InTheWay(reader),
                // Commits stand still while a try waits, so it must not be begun in vain.
                None => match generations::is_keeping_up(conn, self.generation).await? {
                    Some(behind) => CutOver::InTheWay(behind),
                    None => generations::cut_over(conn, self.generation, rebuild.lock_timeout).await?,
                },
            };
            match tried {
                CutOver::Done { .. } => break,
                CutOver::NotPossible(why) => return Err(RebuildError::refused(vec![why])),
                CutOver::InTheWay(why) if Instant::now() >= deadline => {
                    return Err(RebuildError::failed(format!(
                        "the cut-over did not succeed within {} s (rebuild.cut_over_timeout_ms): {why}; generation {} \
                         is ready, `foldback generations promote {}` tries again",
                        rebuild.cut_over_timeout.as_secs(),
                        self.generation.0,
                        self.generation.0
                    )));
                }
                CutOver::InTheWay(why) => {
                    tracing::debug!("not cut over yet: {why}");
                    self.follow_new_partitions(following).await?;
                    self.stop.run_until_cancelled(sleep(backoff.pause())).await;
                }
            }
        }
        Ok(Finished::Live)
    }

    /// Partitions may have been added meanwhile.
    async fn follow_new_partitions(&self, following: &mut Following) -> Result<(), RebuildError> {
        let now = self.ends().await?;
        if now.keys().all(|partition| following.ends.contains_key(partition)) {
            return Ok(());
        }
        let old = std::mem::replace(following, self.follow(following.whole).await?);
        old.follower.stop().await;
        Ok(())
    }

    fn tell(&self, phase: Phase, ratio: f64) {
        self.heartbeat.tell(Progress { phase, ratio, events: 0, events_per_second: 0.0, eta_seconds: None });
    }
}
