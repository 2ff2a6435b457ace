//! What a worker is told.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Config;
use crate::config::retry::Retry;
use crate::domain::log::bounds::Bounds;
use crate::domain::log::record::Topics;
use crate::log::ReaderSettings;
use crate::observe::{Metrics, Readiness};
use crate::store::Generation;
use crate::store::commit::Serving;
use crate::store::connect::Access;

/// What all workers of a process share.
pub struct WorkerSettings {
    pub reader: ReaderSettings,
    pub topics: Topics,
    pub access: Access,
    /// Which generation is folded.
    pub serving: Serving,
    /// Which generation is live, as it changes: a worker that serves the live one goes over to the next even where no
    /// record comes. `None`: it notices when it commits.
    pub live: Option<watch::Receiver<Generation>>,
    /// Where the fold ends; `None`: it never does.
    pub ends: Option<Arc<Bounds>>,
    pub retry: Retry,
    pub cache_orders_max: usize,
    pub cache_bytes_max: usize,
    pub refusals_in_a_row_max: i64,
    /// How long a worker that is told to stop may still write.
    pub drain_timeout: Duration,
    pub readiness: Readiness,
    pub metrics: Arc<Metrics>,
}

impl WorkerSettings {
    /// By the configuration, for the live generation and without an end.
    pub fn new(
        config: &Config,
        reader: ReaderSettings,
        access: Access,
        readiness: Readiness,
        metrics: Arc<Metrics>,
    ) -> WorkerSettings {
        WorkerSettings {
            topics: reader.topics.clone(),
            reader,
            access,
            serving: Serving::Live,
            live: None,
            ends: None,
            retry: config.retry.clone(),
            cache_orders_max: config.workers.cache_orders_max,
            cache_bytes_max: config.workers.cache_bytes_max,
            refusals_in_a_row_max: config.limits.refusals_in_a_row_max,
            drain_timeout: config.workers.drain_timeout,
            readiness,
            metrics,
        }
    }
}
