//! Watches the generations: which one is live, whether this binary can fold it, how far a rebuild is.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};
use uuid::Uuid;

use super::backoff::Backoff;
use crate::config::retry::Retry;
use crate::observe::health::{self, Severity};
use crate::observe::{Readiness, metrics};
use crate::store::connect::{Access, within};
use crate::store::generations::{self, Live};
use crate::store::migrate::PROJECTION_VERSION;
use crate::store::{Generation, StoreError};

const LOOK_EVERY: Duration = Duration::from_secs(1);
const BEAT_EVERY: Duration = Duration::from_secs(3);
/// A connection that doesn't answer for this long counts as lost.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// One per process: every instance exports the live generation, whoever leads the publisher.
pub struct GenerationWatch {
    access: Access,
    readiness: Readiness,
    /// Reports that Postgres does not answer, which an idle worker would not notice.
    postgres: Readiness,
    backoff: Backoff,
    /// Whether the newest connection has been of use.
    has_looked: bool,
    /// Sent again at each check, so that a writer that switched too early or too late is corrected at the next one.
    live: watch::Sender<Generation>,
    instance: Uuid,
    /// Whether the live generation has another projection version than ours.
    is_foreign: bool,
}

impl GenerationWatch {
    pub fn new(access: Access, readiness: Readiness, retry: &Retry, live: Generation) -> GenerationWatch {
        GenerationWatch {
            access,
            postgres: readiness.source(),
            readiness,
            backoff: Backoff::new(retry.initial, retry.max),
            has_looked: false,
            live: watch::Sender::new(live),
            instance: Uuid::now_v7(),
            is_foreign: false,
        }
    }

    /// Which generation is live, as it changes.
    pub fn live(&self) -> watch::Receiver<Generation> {
        self.live.subscribe()
    }

    /// Checks until stopped, then unregisters this instance.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.has_looked = false;
            let Err(error) = self.look_on(&stop).await else { break };
            // That a connection is lost says little; that the next one is of no use says that Postgres is away.
            if !self.has_looked {
                let detail = format!("{error}; trying again until it answers");
                self.postgres.raise(health::POSTGRES, Severity::Unready, detail);
            }
            debug!(%error, "cannot read the generations; trying again");
            // The progress of a rebuild is no longer known.
            metrics::rebuild_progress_ratio(0.0);
            stop.run_until_cancelled(sleep(self.backoff.pause())).await;
        }
    }

    /// On one connection, until that is lost.
    async fn look_on(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut conn = self.access.connect().await?;
        let mut beat_at = Instant::now();
        loop {
            self.look(&mut conn).await?;
            if Instant::now() >= beat_at {
                beat_at = Instant::now() + BEAT_EVERY;
                let conditions = self.readiness.to_json();
                within(ANSWER_MAX, generations::beat(&mut conn, self.instance, &conditions)).await?;
            }
            self.has_looked = true;
            self.postgres.clear(health::POSTGRES);
            self.backoff.reset();
            if stop.run_until_cancelled(sleep(LOOK_EVERY)).await.is_none() {
                return within(ANSWER_MAX, generations::leave(&mut conn, self.instance)).await;
            }
        }
    }

    async fn look(&mut self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let live = within(ANSWER_MAX, generations::live_projection(conn)).await?;
        let rebuild = within(ANSWER_MAX, generations::running(conn)).await?;
        metrics::live_generation(live.generation.0);
        metrics::rebuild_progress_ratio(rebuild.map_or(0.0, |progress| progress.ratio));
        self.judge(live);
        self.live.send_replace(live.generation);
        Ok(())
    }

    /// A generation with another projection version is not folded, but readers still see it.
    fn judge(&mut self, live: Live) {
        let (generation, stored) = (live.generation.0, live.projection_version);
        if stored == PROJECTION_VERSION {
            self.readiness.clear(health::PROJECTION_VERSION);
            if std::mem::take(&mut self.is_foreign) {
                info!(generation, "the live generation has this binary's projection version again: folding");
            }
            return;
        }
        let detail = StoreError::Projection { generation, stored, binary: PROJECTION_VERSION }.to_string();
        if !std::mem::replace(&mut self.is_foreign, true) {
            error!(generation, "{detail}");
        }
        self.readiness.raise(health::PROJECTION_VERSION, Severity::Unready, detail);
    }
}
