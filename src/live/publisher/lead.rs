//! Leader election: the publisher whose connection holds the lock leads.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use tokio::time::sleep;

use super::Publisher;
use super::status::PublisherStatus;
use crate::observe::gauges::DomainGauges;
use crate::store::StoreError;
use crate::store::connect::within;
use crate::store::generations::{self, Lock};

/// How often to try for the lock, and to check it once it is held.
const PAUSE: Duration = Duration::from_secs(1);
/// A connection that doesn't answer for this long counts as lost, and with it the lead.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// The server frees the lock of a leader that has said nothing for this long, since its machine is gone.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// The gauges are dropped once the lock has not been confirmed for this long.
const SURE: Duration = Duration::from_secs(5);

impl Publisher {
    pub(super) async fn campaign(&mut self) {
        loop {
            if let Err(error) = self.stand().await {
                self.note_postgres(Some(&error));
            }
            sleep(PAUSE).await;
        }
    }

    /// On one connection: tries for the lead until it gets it, then leads until the connection is lost.
    async fn stand(&mut self) -> Result<(), StoreError> {
        let mut conn = self.access.speaking(SILENCE_MAX).connect().await?;
        loop {
            let asked = Instant::now();
            let leads = within(ANSWER_MAX, generations::try_hold(&mut conn, Lock::Publisher)).await?;
            self.note_postgres(None);
            if leads {
                self.metrics.domain.sure_until(asked + SURE);
                return self.lead(conn).await;
            }
            sleep(PAUSE).await;
        }
    }

    async fn lead(&mut self, mut conn: PgConnection) -> Result<(), StoreError> {
        tracing::info!("this instance leads the publisher");
        self.status.send_modify(|status| *status = PublisherStatus { leading: true, ..Default::default() });
        let metrics = self.metrics.clone();
        let lost = tokio::select! {
            lost = watch_lock(&mut conn, &metrics.domain) => lost,
            () = Box::pin(self.publish()) => Ok(()),
        };
        self.step_down();
        tracing::warn!("this instance no longer leads the publisher: it lost the connection that holds the lock");
        lost
    }

    /// Logs once when Postgres becomes unavailable, and once when it is back.
    fn note_postgres(&self, error: Option<&StoreError>) {
        self.status.send_if_modified(|status| {
            let problem = error.map(|error| format!("the publisher can't use Postgres: {error}"));
            match (&status.postgres, &problem) {
                (None, Some(problem)) => tracing::warn!("{problem}"),
                (Some(_), None) => tracing::info!("the publisher can use Postgres again"),
                _ => {}
            }
            std::mem::replace(&mut status.postgres, problem) != status.postgres
        });
    }
}

/// Returns when the lead is lost.
async fn watch_lock(conn: &mut PgConnection, gauges: &DomainGauges) -> Result<(), StoreError> {
    loop {
        let asked = Instant::now();
        within(ANSWER_MAX, generations::still_held(conn)).await?;
        gauges.sure_until(asked + SURE);
        sleep(PAUSE).await;
    }
}
