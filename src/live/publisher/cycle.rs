//! Reads the views, and publishes them if readers would miss something otherwise.

use std::time::Duration;

use sqlx::postgres::PgPool;
use tokio::sync::watch;
use tokio::time::Instant;

use super::status::PublisherStatus;
use crate::domain::runs::run::{Run, RunType};
use crate::domain::runs::status::completed_summary;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::snapshot::{Content, Snapshot, Stamp};
use crate::observe::gauges::{DomainValues, EngineValues};
use crate::observe::{Metrics, metrics};
use crate::publish::{Link, Outcome, Publication, PublishError};
use crate::store::{StoreError, publication};

/// Pause before retrying Redis or Postgres while it is unavailable.
pub const AWAY_PAUSE: Duration = Duration::from_millis(500);
/// How often in a row to raise the version because Redis is ahead, before giving up until the next cycle.
const RAISES_MAX: u32 = 3;

/// The publisher's work while it leads: compares the live views with the last publication, and publishes what changed.
pub struct Cycle<'a> {
    pool: &'a PgPool,
    link: &'a mut Link,
    metrics: &'a Metrics,
    status: &'a watch::Sender<PublisherStatus>,
    /// What Redis held at the last check; `None` until known.
    shown: Option<(Snapshot, Publication)>,
    redis_retry_at: Option<Instant>,
    is_postgres_away: bool,
}

impl<'a> Cycle<'a> {
    pub fn new(
        pool: &'a PgPool,
        link: &'a mut Link,
        metrics: &'a Metrics,
        status: &'a watch::Sender<PublisherStatus>,
    ) -> Cycle<'a> {
        Cycle { pool, link, metrics, status, shown: None, redis_retry_at: None, is_postgres_away: false }
    }

    /// Whether Redis or Postgres is unavailable.
    pub fn is_away(&self) -> bool {
        self.redis_retry_at.is_some() || self.is_postgres_away
    }

    /// `reconcile`: also compare Redis with the last publication, and update the counts that may lag. Returns the time
    /// until the next scheduled replay falls due.
    pub async fn run(&mut self, reconcile: bool) -> Option<Duration> {
        let looked = self.look(reconcile).await;
        self.note_postgres(looked.as_ref().err());
        looked.ok().flatten()
    }

    async fn look(&mut self, reconcile: bool) -> Result<Option<Duration>, StoreError> {
        for _ in 0..RAISES_MAX {
            let is_redis_ready = self.redis_ready(reconcile).await;
            let pending = publication::begin(self.pool).await?;
            let due = pending.next_due.map(|due| micros_between(pending.snapshot.as_of, due));
            self.show_gauges(&pending.snapshot);
            if reconcile {
                self.show_counts(pending.snapshot.content.generation).await?;
            }
            if !is_redis_ready || self.is_shown(&pending.snapshot) {
                pending.rollback().await?;
                return Ok(due);
            }
            match self.publish(pending.commit().await?).await {
                Some(seen) => self.raise(seen).await?,
                None => return Ok(due),
            }
        }
        Ok(None)
    }

    fn is_shown(&self, snapshot: &Snapshot) -> bool {
        self.shown.as_ref().is_some_and(|(shown, _)| !shown.differs(snapshot))
    }

    /// Whether Redis answers. With `reconcile`, forgets the last publication if Redis holds something else.
    async fn redis_ready(&mut self, reconcile: bool) -> bool {
        if self.redis_retry_at.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        let answer = match &self.shown {
            Some((_, publication)) if reconcile => self.link.check(publication).await,
            _ => self.link.ping().await.map(|()| true),
        };
        if let Ok(false) = answer {
            tracing::warn!("Redis does not hold the last publication; publishing it again");
        }
        if !matches!(answer, Ok(true)) {
            // Redis may come back empty, or as another server.
            self.shown = None;
        }
        self.note_redis(answer.as_ref().err());
        answer.is_ok()
    }

    /// The newest stamp in Redis, if it is not older than the snapshot's.
    async fn publish(&mut self, snapshot: Snapshot) -> Option<Stamp> {
        let began = Instant::now();
        let outcome = self.put(&snapshot).await;
        self.note_redis(outcome.as_ref().err());
        match outcome {
            Ok((publication, Outcome::Written)) => {
                metrics::redis_publish_seconds(began.elapsed());
                self.shown = Some((snapshot, publication));
                None
            }
            Ok((_, Outcome::Ahead(seen))) => Some(seen),
            Err(_) => None,
        }
    }

    async fn put(&mut self, snapshot: &Snapshot) -> Result<(Publication, Outcome), PublishError> {
        // Whatever the outcome, Redis may have changed.
        self.shown = None;
        let publication = Publication::new(snapshot)?;
        let outcome = self.link.put(&publication).await?;
        Ok((publication, outcome))
    }

    async fn raise(&self, seen: Stamp) -> Result<(), StoreError> {
        tracing::warn!(seen.epoch, seen.version, "Redis is ahead of Postgres; raising the publication above it");
        publication::raise(self.pool, seen).await
    }

    fn show_gauges(&self, snapshot: &Snapshot) {
        metrics::live_generation(snapshot.content.generation);
        self.metrics.domain.show(domain_values(&snapshot.content));
    }

    async fn show_counts(&self, generation: i32) -> Result<(), StoreError> {
        self.metrics.domain.show_engine(EngineValues {
            dead_letters: publication::open_dead_letters(self.pool, generation).await?,
            orders_with_gaps: publication::orders_with_gaps(self.pool, generation).await?,
        });
        Ok(())
    }

    /// Logs once when Redis becomes unavailable, and once when it is back.
    fn note_redis(&mut self, error: Option<&PublishError>) {
        self.metrics.domain.redis_up(error.is_none());
        match (error, self.redis_retry_at) {
            (Some(error), None) => tracing::warn!("Redis accepts no publications, the fold continues: {error}"),
            (None, Some(_)) => tracing::info!("Redis accepts publications again"),
            _ => {}
        }
        self.redis_retry_at = error.map(|_| Instant::now() + AWAY_PAUSE);
        let problem = error.map(|error| format!("Redis accepts no publications: {error}"));
        self.status.send_if_modified(|status| std::mem::replace(&mut status.redis, problem) != status.redis);
    }

    pub fn note_postgres(&mut self, error: Option<&StoreError>) {
        match (error, self.is_postgres_away) {
            (Some(error), false) => tracing::warn!("the publisher can't read the views: {error}"),
            (None, true) => tracing::info!("the publisher can read the views again"),
            _ => {}
        }
        self.is_postgres_away = error.is_some();
        let problem = error.map(|error| format!("the publisher can't read the views: {error}"));
        self.status.send_if_modified(|status| std::mem::replace(&mut status.postgres, problem) != status.postgres);
    }
}

/// The gauges' values for these views.
pub fn domain_values(content: &Content) -> DomainValues {
    let last_run = |run: &Option<Run>, run_type| run.as_ref().map(|run| (run_type, run.ran_at));
    DomainValues {
        providers: content.providers.clone(),
        last_runs: [last_run(&content.replay, RunType::Replay), last_run(&content.alert, RunType::Alert)]
            .into_iter()
            .flatten()
            .collect(),
        alerts_sent: content.alert.as_ref().and_then(alerts_sent),
    }
}

/// As in the status payload; if that is not a number, as the event reported it.
fn alerts_sent(run: &Run) -> Option<f64> {
    let shown = completed_summary(run).get("alertsSent").and_then(serde_json::Value::as_f64);
    shown.or(run.alerts_sent.map(f64::from))
}

fn micros_between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(to.micros() - from.micros()).unwrap_or(0))
}
