//! Heartbeat of a rebuild: records its progress in the database, and checks that its lock still holds.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::error::RebuildError;
use super::observer::Observer;
use crate::domain::generations::generation::Progress;
use crate::store::connect::within;
use crate::store::{Generation, generations};

const BEAT_EVERY: Duration = Duration::from_secs(1);
/// A connection that doesn't answer for this long counts as lost, and with it the lock.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Keeps the lock's connection busy; stops with `end`.
pub struct Heartbeat {
    progress: watch::Sender<Progress>,
    observer: Arc<dyn Observer>,
    generation: Generation,
    beating: JoinHandle<Option<PgConnection>>,
    over: CancellationToken,
    /// Cancelled when the lock is lost, since another process may then change generations.
    pub lost: CancellationToken,
}

impl Heartbeat {
    pub fn start(
        conn: PgConnection,
        generation: Generation,
        observer: Arc<dyn Observer>,
        stop: &CancellationToken,
    ) -> Heartbeat {
        let (progress, news) = watch::channel(Progress::at_start());
        let (over, lost) = (CancellationToken::new(), stop.child_token());
        let beating = tokio::spawn(beat(conn, generation, news, over.clone(), lost.clone()));
        Heartbeat { progress, observer, generation, beating, over, lost }
    }

    pub fn tell(&self, progress: Progress) {
        self.observer.progress(self.generation.0, &progress);
        self.progress.send_replace(progress);
    }

    /// The connection that holds the lock.
    pub async fn end(self) -> Result<PgConnection, RebuildError> {
        self.over.cancel();
        match self.beating.await {
            Ok(Some(conn)) => Ok(conn),
            _ => Err(lock_lost()),
        }
    }
}

fn lock_lost() -> RebuildError {
    RebuildError::failed(
        "lost the connection that holds the rebuild's lock; `foldback rebuild` resumes from the last commit".into(),
    )
}

async fn beat(
    mut conn: PgConnection,
    generation: Generation,
    news: watch::Receiver<Progress>,
    over: CancellationToken,
    lost: CancellationToken,
) -> Option<PgConnection> {
    let mut tick = tokio::time::interval(BEAT_EVERY);
    while over.run_until_cancelled(tick.tick()).await.is_some() {
        let progress = news.borrow().clone();
        if let Err(error) = within(ANSWER_MAX, generations::tell(&mut conn, generation, &progress)).await {
            tracing::warn!(%error, "the rebuild's lock is lost");
            lost.cancel();
            return None;
        }
    }
    Some(conn)
}
