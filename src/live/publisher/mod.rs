//! The publisher: one leader among all instances publishes the committed views to Redis and the gauges.
//!
//! - `lead`: leader election
//! - `cycle`: reads the views, and publishes them if readers would miss something otherwise
//! - `status`: what /readyz says about it

mod cycle;
mod lead;
mod status;

pub use cycle::domain_values;
pub use status::PublisherStatus;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use sqlx::postgres::PgPool;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::publisher::Publisher as Settings;
use crate::observe::Metrics;
use crate::publish::Link;
use crate::store::connect::Access;
use crate::store::{StoreError, publication};
use cycle::{AWAY_PAUSE, Cycle, Look};

/// Connections of the pool: one for the listener, one for the cycle.
const POOL_MAX: u32 = 3;
/// Replays that fall due within this time are published together.
const DUE_PAUSE_MIN: Duration = Duration::from_millis(250);
/// Nothing falls due.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);
/// A slow publication is followed by an equally long pause, up to this.
const BUSY_PAUSE_MAX: Duration = Duration::from_millis(300);

/// Publishes the live views to Redis and the gauges while this instance holds the leader lock.
pub struct Publisher {
    access: Access,
    pool: PgPool,
    metrics: Arc<Metrics>,
    settings: Settings,
    status: watch::Sender<PublisherStatus>,
    link: Link,
}

impl Publisher {
    pub fn new(access: Access, link: Link, metrics: Arc<Metrics>, settings: Settings) -> Publisher {
        let pool = access.pool(POOL_MAX);
        Publisher { access, pool, metrics, settings, status: watch::Sender::default(), link }
    }

    /// What /readyz says about the publisher.
    pub fn status(&self) -> watch::Receiver<PublisherStatus> {
        self.status.subscribe()
    }

    /// Leads whenever nobody else does, until stopped. Losing Redis or Postgres doesn't end it.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.campaign() => {}
        }
        self.step_down();
        self.pool.close().await;
    }

    fn step_down(&self) {
        self.metrics.domain.clear();
        self.status
            .send_modify(|status| *status = PublisherStatus { postgres: status.postgres.take(), ..Default::default() });
    }

    /// Publishes until the caller drops it, when the lead ends.
    async fn publish(&mut self) {
        let wake = Notify::new();
        let (pool, settings, access) = (self.pool.clone(), self.settings.clone(), self.access.clone());
        let cycle = Cycle::new(&self.pool, &mut self.link, &self.metrics, &self.status);
        tokio::select! {
            () = hear(&pool, &access, &wake) => {}
            () = work(cycle, &settings, &access, &wake) => {}
        }
    }
}

/// Wakes the publisher at each commit, and whenever it may have missed one.
async fn hear(pool: &PgPool, access: &Access, wake: &Notify) {
    loop {
        if let Ok(mut listener) = access.answered(publication::listen(pool)).await {
            wake.notify_one();
            // `None`: the connection was lost and reopened, so a notification may have been missed.
            while listener.try_recv().await.is_ok() {
                wake.notify_one();
            }
        }
        sleep(AWAY_PAUSE).await;
    }
}

async fn work(mut cycle: Cycle<'_>, settings: &Settings, access: &Access, wake: &Notify) {
    let (mut reconcile_at, mut look) = (Instant::now(), Look::Reconcile);
    loop {
        let began = Instant::now();
        if began >= reconcile_at {
            (reconcile_at, look) = (began + settings.reconcile, Look::Reconcile);
        }
        let looking = Box::pin(async {
            cycle.run(look).await;
            Ok::<_, StoreError>(())
        });
        let looked = access.answered(looking).await;
        if let Err(silence) = looked {
            cycle.note_postgres(Some(&silence));
        }
        let busy_pause = began.elapsed().min(BUSY_PAUSE_MAX);
        let far = Instant::now() + FAR;
        let due_at = cycle.due_at().unwrap_or(far).max(Instant::now() + DUE_PAUSE_MIN);
        let (retry_at, retry) = cycle.retry_at().unwrap_or((far, Look::Redis));
        look = tokio::select! {
            () = wake.notified() => {
                sleep(settings.coalesce.max(busy_pause)).await;
                Look::Views
            }
            () = sleep_until(due_at) => Look::Views,
            () = sleep_until(retry_at) => retry,
            () = sleep_until(reconcile_at) => Look::Reconcile,
        };
        // The next read includes all commits up to here.
        if wake.notified().now_or_never().is_some() && look == Look::Redis {
            look = Look::Views;
        }
    }
}
