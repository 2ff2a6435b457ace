//! One process at a time over the generations: the lock, what the log forbids, and the connection back at the end.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::error::RebuildError;
use super::heartbeat::Heartbeat;
use super::observer::Observer;
use crate::load::{LoadContext, log_guard};
use crate::log::survey::TopicSurvey;
use crate::store::generations::{self, Lock};
use crate::store::{Generation, StoreError, migrate};

/// A process that was killed holds the lock until Postgres notices, which takes it a moment.
const LOCK_TRIES: u32 = 12;
const LOCK_PAUSE: Duration = Duration::from_millis(250);

/// Holds the rebuild's lock until it is dropped.
pub struct Session {
    pub conn: PgConnection,
}

/// A session whose lock is kept busy by a heartbeat while a generation is worked on.
pub struct Beating {
    pub heartbeat: Heartbeat,
}

impl Session {
    /// Takes the lock that lets one process at a time change generations, and sees that this binary knows the database.
    pub async fn enter(ctx: &LoadContext) -> Result<Session, RebuildError> {
        let mut conn = ctx.access.connect().await?;
        check_database(&mut conn).await?;
        for _ in 0..LOCK_TRIES {
            if generations::try_hold(&mut conn, Lock::Rebuild).await? {
                return Ok(Session { conn });
            }
            sleep(LOCK_PAUSE).await;
        }
        Err(RebuildError::refused(vec![other_holder(&mut conn).await?]))
    }

    /// The log as it is. `more`: what else forbids the work. Refused with all reasons at once.
    pub async fn survey(
        &mut self,
        ctx: &LoadContext,
        more: impl AsyncFnOnce(&mut PgConnection, &[TopicSurvey]) -> Result<Option<String>, RebuildError>,
    ) -> Result<Vec<TopicSurvey>, RebuildError> {
        let (survey, forbidden) = log_guard::survey(ctx, &mut self.conn).await?;
        let mut refusals: Vec<String> = forbidden.into_iter().map(|refusal| refusal.why).collect();
        refusals.extend(more(&mut self.conn, &survey).await?);
        if refusals.is_empty() { Ok(survey) } else { Err(RebuildError::refused(refusals)) }
    }

    /// Tells the progress of this generation from here on, over the connection that holds the lock.
    pub fn beat(self, generation: Generation, observer: &Arc<dyn Observer>, stop: &CancellationToken) -> Beating {
        Beating { heartbeat: Heartbeat::start(self.conn, generation, observer.clone(), stop) }
    }
}

impl Beating {
    /// Whether another process may change generations now, though nobody told this one to stop.
    pub fn lock_was_lost(&self, stop: &CancellationToken) -> bool {
        self.heartbeat.lost.is_cancelled() && !stop.is_cancelled()
    }

    /// The connection back, to say in the database how it ended: the session's own, or a new one where that is lost.
    /// `must_hold`: a lost lock is an error instead.
    pub async fn leave(self, ctx: &LoadContext, must_hold: bool) -> Result<PgConnection, RebuildError> {
        match self.heartbeat.end().await {
            Ok(conn) => Ok(conn),
            Err(error) if must_hold => Err(error),
            Err(_) => Ok(ctx.access.connect().await?),
        }
    }
}

/// Refuses a database that this binary doesn't know.
pub async fn check_database(conn: &mut PgConnection) -> Result<(), RebuildError> {
    match migrate::check_version(conn).await {
        Err(error @ StoreError::SchemaVersion { .. }) => Err(RebuildError::refused(vec![error.to_string()])),
        checked => Ok(checked?),
    }
}

pub async fn other_holder(conn: &mut PgConnection) -> Result<String, StoreError> {
    let building = generations::list(conn).await?.into_iter().find(|info| info.builder_alive);
    let what = building.map(|info| {
        let ratio = info.progress.map_or(0.0, |progress| progress.ratio);
        format!(": generation {}, {:.0} % folded, begun by {}", info.generation, ratio * 100.0, info.created_by)
    });
    Ok(format!(
        "another rebuild, promotion or rollback is running{}; `foldback generations list` shows it",
        what.unwrap_or_default()
    ))
}
