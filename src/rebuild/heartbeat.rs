//! Heartbeat of a rebuild: records its progress in the database, and checks that its lock still holds.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::error::RebuildError;
use super::observer::Observer;
use crate::domain::generations::generation::Progress;
use crate::store::connect::within;
use crate::store::{Generation, StoreError, generations};

const BEAT_EVERY: Duration = Duration::from_secs(1);
/// A connection that doesn't answer for this long counts as lost, and with it the lock.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What work may take to end after it was told to.
const WIND_DOWN_MAX: Duration = Duration::from_secs(5);

/// Keeps the lock's connection busy; stops with `end`.
pub struct Heartbeat {
    progress: watch::Sender<Progress>,
    observer: Arc<dyn Observer>,
    generation: Generation,
    beating: JoinHandle<Result<PgConnection, StoreError>>,
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

    /// Does the work while the lock is held and nobody stops it. Work that doesn't end by itself soon after is given up,
    /// since it may be waiting for a server that never answers.
    pub async fn guard<T>(&self, work: impl Future<Output = Result<T, RebuildError>>) -> Result<T, RebuildError> {
        let given_up = async {
            self.lost.cancelled().await;
            sleep(WIND_DOWN_MAX).await;
        };
        tokio::select! {
            biased;
            done = work => done,
            () = given_up => Err(RebuildError::stopped()),
        }
    }

    pub fn tell(&self, progress: Progress) {
        self.observer.progress(self.generation.0, &progress);
        self.progress.send_replace(progress);
    }

    /// The connection that holds the lock.
    pub async fn end(self) -> Result<PgConnection, RebuildError> {
        self.over.cancel();
        match self.beating.await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) => Err(lock_lost(&error)),
            Err(error) => Err(lock_lost(&error)),
        }
    }
}

fn lock_lost(why: &dyn std::error::Error) -> RebuildError {
    RebuildError::failed(format!(
        "lost the connection that holds the lock on the generations ({why}); what was committed is kept, and the same \
         command goes on from there"
    ))
}

async fn beat(
    mut conn: PgConnection,
    generation: Generation,
    news: watch::Receiver<Progress>,
    over: CancellationToken,
    lost: CancellationToken,
) -> Result<PgConnection, StoreError> {
    let mut tick = tokio::time::interval(BEAT_EVERY);
    while over.run_until_cancelled(tick.tick()).await.is_some() {
        let progress = news.borrow().clone();
        if let Err(error) = within(ANSWER_MAX, generations::tell(&mut conn, generation, &progress)).await {
            tracing::warn!(%error, "the rebuild's lock is lost");
            lost.cancel();
            return Err(error);
        }
    }
    Ok(conn)
}
