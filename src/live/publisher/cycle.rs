//! Reads the views, and publishes them if readers would miss something otherwise.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPool;
use tokio::sync::watch;
use tokio::time::Instant;

use super::status::PublisherStatus;
use crate::domain::generations::verification::Proof;
use crate::domain::runs::run::{Run, RunType};
use crate::domain::timestamp::Timestamp;
use crate::domain::views::gaps::OldestGap;
use crate::domain::views::snapshot::{Content, Snapshot, Stamp};
use crate::live::backoff::Backoff;
use crate::observe::gauges::{DomainValues, EngineValues};
use crate::observe::{Metrics, metrics};
use crate::publish::{Link, Outcome, Publication, PublishError};
use crate::store::read::LatestRuns;
use crate::store::{StoreError, publication};

/// Pause before retrying Postgres while it is unavailable, and the first one before retrying Redis.
pub const AWAY_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause before retrying Redis: readers are promised a right one within 5 s of its return.
const REDIS_PAUSE_MAX: Duration = Duration::from_secs(3);
/// Gauges of views that can't be read for longer than this are no longer shown: they would say that all is well.
const VALUES_AGE_MAX: Duration = Duration::from_secs(60);
/// How often in a row to raise the version because Redis is ahead, before giving up until the next cycle.
const RAISES_MAX: u32 = 3;

/// Why the publisher looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The views may have changed.
    Views,
    /// The same; also compare Redis with the last publication, update the counts that may lag, and tidy up behind workers.
    Reconcile,
    /// Redis may be back. As long as it isn't, there is nothing to read.
    Redis,
}

/// The publisher's work while it leads: compares the live views with the last publication, and publishes what changed.
pub struct Cycle<'a> {
    pool: &'a PgPool,
    link: &'a mut Link,
    metrics: &'a Metrics,
    status: &'a watch::Sender<PublisherStatus>,
    /// What Redis held at the last check; `None` until known.
    shown: Option<(Snapshot, Publication)>,
    redis: RedisState,
    /// A version that subscribers have not been told of.
    unannounced: Option<Stamp>,
    is_postgres_away: bool,
    /// When the views were last read.
    read_at: Instant,
    /// When the next scheduled replay falls due.
    due_at: Option<Instant>,
    runs: LatestRuns,
    /// Of this generation.
    oldest_gap: (i32, OldestGap),
}

/// Whether Redis takes publications, as far as is known.
struct RedisState {
    retry_at: Option<Instant>,
    backoff: Backoff,
    /// A publication that failed, though Redis had taken a write before. It is tried again as it is, with its version: if
    /// it had been written after all, that does no harm.
    failed: Option<(Snapshot, Publication)>,
}

impl Default for RedisState {
    fn default() -> RedisState {
        RedisState { retry_at: None, backoff: Backoff::new(AWAY_PAUSE, REDIS_PAUSE_MAX), failed: None }
    }
}

impl<'a> Cycle<'a> {
    pub fn new(
        pool: &'a PgPool,
        link: &'a mut Link,
        metrics: &'a Metrics,
        status: &'a watch::Sender<PublisherStatus>,
    ) -> Cycle<'a> {
        Cycle {
            pool,
            link,
            metrics,
            status,
            shown: None,
            redis: RedisState::default(),
            unannounced: None,
            is_postgres_away: false,
            read_at: Instant::now(),
            due_at: None,
            runs: LatestRuns::default(),
            oldest_gap: Default::default(),
        }
    }

    /// When to look again because Redis or Postgres is unavailable, and at what.
    pub fn retry_at(&self) -> Option<(Instant, Look)> {
        let postgres = self.is_postgres_away.then(|| (Instant::now() + AWAY_PAUSE, Look::Views));
        postgres.or(self.redis.retry_at.map(|at| (at, Look::Redis)))
    }

    /// When the next scheduled replay falls due, as far as is known.
    pub fn due_at(&self) -> Option<Instant> {
        self.due_at
    }

    pub async fn run(&mut self, look: Look) {
        let looked = self.look(look).await;
        if looked.is_err() {
            self.due_at = None;
        }
        self.note_postgres(looked.as_ref().err());
    }

    async fn look(&mut self, look: Look) -> Result<(), StoreError> {
        for _ in 0..RAISES_MAX {
            let is_redis_ready = self.redis_ready(look == Look::Reconcile).await;
            if look == Look::Redis && !is_redis_ready {
                return Ok(());
            }
            let pending = publication::begin(self.pool, &mut self.runs).await?;
            self.read_at = Instant::now();
            self.due_at = pending.next_due.map(|due| self.read_at + micros_between(pending.snapshot.as_of, due));
            self.show_gauges(&pending.snapshot);
            if look == Look::Reconcile {
                self.show_counts(pending.snapshot.content.generation).await?;
                publication::merge_slots(self.pool, pending.snapshot.content.generation).await?;
            }
            if !is_redis_ready || self.is_shown(&pending.snapshot) {
                return pending.rollback().await;
            }
            match self.publish(pending.commit().await?).await {
                Some(seen) => self.raise(seen).await?,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn is_shown(&self, snapshot: &Snapshot) -> bool {
        self.shown.as_ref().is_some_and(|(shown, _)| !shown.differs(snapshot))
    }

    /// Whether Redis takes writes: a version is only taken then. With `reconcile`, forgets the last publication if Redis
    /// holds something else.
    async fn redis_ready(&mut self, reconcile: bool) -> bool {
        if self.redis.retry_at.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        if let Some((snapshot, publication)) = self.redis.failed.take() {
            self.publish_as(snapshot, publication).await;
            return self.redis.failed.is_none();
        }
        let mut answer = self.link.probe().await.map(|()| true);
        if let (Ok(true), Some((_, publication))) = (&answer, &self.shown)
            && reconcile
        {
            answer = self.link.check(publication).await;
        }
        if let Ok(false) = answer {
            tracing::warn!("Redis does not hold the last publication; publishing it again");
        }
        if !matches!(answer, Ok(true)) {
            // Redis may come back empty, or as another server.
            self.shown = None;
        }
        match &answer {
            Err(error) => self.redis_failed(error),
            Ok(_) => self.redis_works(),
        }
        if answer.is_ok() {
            self.announce().await;
        }
        answer.is_ok()
    }

    /// Tells subscribers, unless they know. The keys are right, whatever becomes of this.
    async fn announce(&mut self) {
        let Some(stamp) = self.unannounced else { return };
        let problem = match self.link.announce(stamp).await {
            Ok(()) => {
                self.unannounced = None;
                None
            }
            Err(error @ PublishError::Redis(_)) if error.is_answer() => {
                let channel = &self.link.keys().changed;
                Some(format!("the keys are published, but subscribers of the channel {channel} are not told: {error}"))
            }
            // The connection is gone: the next look at Redis says so.
            Err(_) => return,
        };
        self.status.send_if_modified(|status| std::mem::replace(&mut status.channel, problem) != status.channel);
    }

    /// The newest stamp in Redis, if it is not older than the snapshot's.
    async fn publish(&mut self, snapshot: Snapshot) -> Option<Stamp> {
        match Publication::new(&snapshot) {
            Ok(publication) => self.publish_as(snapshot, publication).await,
            Err(error) => {
                self.redis_failed(&error);
                None
            }
        }
    }

    async fn publish_as(&mut self, snapshot: Snapshot, publication: Publication) -> Option<Stamp> {
        // Whatever the outcome, Redis may have changed.
        self.shown = None;
        let began = Instant::now();
        match self.link.put(&publication).await {
            // An earlier try was written, and its answer was lost.
            Ok(Outcome::Ahead(seen)) if seen != publication.stamp => {
                self.redis_works();
                Some(seen)
            }
            Ok(_) => {
                self.redis_works();
                metrics::redis_publish_seconds(began.elapsed());
                self.unannounced = Some(snapshot.stamp);
                self.shown = Some((snapshot, publication));
                self.announce().await;
                None
            }
            Err(error) => {
                self.redis.failed = Some((snapshot, publication));
                self.redis_failed(&error);
                None
            }
        }
    }

    async fn raise(&self, seen: Stamp) -> Result<(), StoreError> {
        tracing::warn!(seen.epoch, seen.version, "Redis is ahead of Postgres; raising the publication above it");
        publication::raise(self.pool, seen).await
    }

    fn show_gauges(&self, snapshot: &Snapshot) {
        metrics::live_generation(snapshot.content.generation);
        self.metrics.domain.show(domain_values(&snapshot.content));
    }

    async fn show_counts(&mut self, generation: i32) -> Result<(), StoreError> {
        if self.oldest_gap.0 != generation {
            self.oldest_gap = (generation, OldestGap::default());
        }
        publication::step_to_oldest_gap(self.pool, generation, &mut self.oldest_gap.1).await?;
        self.metrics.domain.show_engine(EngineValues {
            dead_letters: publication::open_dead_letters(self.pool, generation).await?,
            orders_with_gaps: publication::orders_with_gaps(self.pool, generation).await?,
            oldest_gap: self.oldest_gap.1.since(),
        });
        self.show_proof(generation, publication::proof(self.pool, generation).await?);
        Ok(())
    }

    fn show_proof(&self, generation: i32, proof: Proof) {
        let problem = proof.differences.filter(|differences| *differences > 0).map(|differences| {
            format!(
                "a verification found {differences} differences between generation {generation} and the log; \
                 `foldback verify` lists them, `foldback rebuild` mends them"
            )
        });
        self.metrics.domain.show_proof(proof);
        self.status
            .send_if_modified(|status| std::mem::replace(&mut status.differences, problem) != status.differences);
    }

    fn redis_failed(&mut self, error: &PublishError) {
        self.redis.retry_at = Some(Instant::now() + self.redis.backoff.pause());
        self.tell_redis(Some(format!("Redis accepts no publications: {error}")));
    }

    fn redis_works(&mut self) {
        self.redis = RedisState::default();
        self.tell_redis(None);
    }

    fn tell_redis(&self, problem: Option<String>) {
        self.metrics.domain.redis_up(problem.is_none());
        self.status.send_if_modified(|status| std::mem::replace(&mut status.redis, problem) != status.redis);
    }

    pub fn note_postgres(&mut self, error: Option<&StoreError>) {
        match (error, self.is_postgres_away) {
            (Some(error), false) => tracing::warn!("the publisher can't read the views: {error}"),
            (None, true) => tracing::info!("the publisher can read the views again"),
            _ => {}
        }
        self.is_postgres_away = error.is_some();
        if self.is_postgres_away && self.read_at.elapsed() >= VALUES_AGE_MAX {
            self.metrics.domain.forget_values();
        }
        let problem = error.map(|error| format!("the publisher can't read the views: {error}"));
        self.status.send_if_modified(|status| std::mem::replace(&mut status.postgres, problem) != status.postgres);
    }
}

/// The gauges' values for these views.
pub fn domain_values(content: &Content) -> DomainValues {
    let last_run = |run: &Option<Arc<Run>>, run_type| run.as_ref().map(|run| (run_type, run.ran_at));
    DomainValues {
        providers: content.providers.clone(),
        last_runs: [last_run(&content.replay, RunType::Replay), last_run(&content.alert, RunType::Alert)]
            .into_iter()
            .flatten()
            .collect(),
        alerts_sent: content.alert.as_deref().and_then(alerts_sent),
    }
}

/// As in the status payload; if that is not a number, as the event reported it.
fn alerts_sent(run: &Run) -> Option<f64> {
    let shown = run.summary.get("alertsSent").and_then(serde_json::Value::as_f64);
    shown.or(run.alerts_sent.map(f64::from))
}

fn micros_between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(to.micros() - from.micros()).unwrap_or(0))
}
