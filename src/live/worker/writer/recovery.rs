//! What to do after an attempt to write that failed: try again at once, find the record at fault, or wait.

use tracing::{debug, info};

use super::{WriteError, WriterTask};
use crate::live::worker::batch::WriteBatch;
use crate::live::worker::bisect::refuse_what_postgres_refuses;
use crate::observe::health::{self, Severity};
use crate::store::StoreError;

/// How often in a row a batch is tried again at once: what conflicts more often than this is no chance.
const TRIES_AT_ONCE_MAX: u32 = 20;

impl WriterTask {
    pub(super) async fn recover(&mut self, error: WriteError, batch: &mut WriteBatch) {
        let error = match error {
            WriteError::Flood(flood) => return self.stop_flood(flood, batch),
            WriteError::Store(StoreError::Data(error)) => {
                info!(%error, "Postgres rejects a value: bisecting to find its record");
                match self.refuse(batch).await {
                    // Each record can be stored alone: it is not the data.
                    Ok(0) => StoreError::Obstacle(error),
                    Ok(_) => return,
                    Err(error) => error,
                }
            }
            WriteError::Store(error) => error,
            error => return self.wait_after(&error).await,
        };
        self.recover_store(error, batch).await;
    }

    async fn recover_store(&mut self, error: StoreError, batch: &mut WriteBatch) {
        match error {
            StoreError::Stale { table: "checkpoints", .. } => {
                info!(
                    "another instance claimed a partition, or the response to its last commit was lost: claiming again"
                );
                self.cache.clear();
                for span in &batch.spans {
                    self.settings.progress.fenced(span.partition);
                }
                self.lose(batch);
            }
            StoreError::Stale { .. } | StoreError::Contention(_) if self.tries_at_once < TRIES_AT_ONCE_MAX => {
                debug!(%error, "refolding");
                self.tries_at_once += 1;
                self.cache.clear();
            }
            StoreError::NotLive(generation) => {
                info!(generation, "another generation has become live: continuing from its checkpoints");
                self.leave_generation();
            }
            error @ (StoreError::Projection { .. } | StoreError::NotBuilding(_)) => {
                info!("{error}");
                self.leave_generation();
            }
            error => self.wait_after(&error.into()).await,
        }
    }

    async fn refuse(&mut self, batch: &mut WriteBatch) -> Result<usize, StoreError> {
        let settings = self.settings.clone();
        let writer = self.writer().await?;
        settings.access.answered(refuse_what_postgres_refuses(writer, &settings.topics, batch)).await
    }

    /// Waits with backoff. After an error of Postgres it reconnects, since the connection's state is unknown.
    pub(super) async fn wait_after(&mut self, error: &WriteError) {
        let name = match error {
            WriteError::Fetch(_) => health::DISPLACED,
            _ => {
                self.writer = None;
                self.cache.clear();
                health::POSTGRES
            }
        };
        let pause = self.backoff.pause();
        let detail = format!("{error}; retrying until it works");
        // The condition writes a line itself when it begins and when it ends.
        debug!(pause_ms = pause.as_millis(), "{detail}");
        if let Some(before) = self.away.replace(name).filter(|before| *before != name) {
            self.settings.readiness.clear(before);
        }
        self.settings.readiness.raise(name, Severity::Unready, detail);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.give_up.cancelled() => {}
        }
    }

    /// What was waited for is another owner's to write, or is claimed again.
    pub(super) fn nothing_waits(&mut self) {
        if let Some(name) = self.away.take() {
            self.settings.readiness.clear(name);
        }
    }

    pub(super) fn recovered(&mut self) {
        self.backoff.reset();
        if let Some(name) = self.away.take() {
            self.settings.readiness.clear(name);
        }
    }
}
