//! Settings of a worker.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Config;
use crate::config::retry::Retry;
use crate::domain::log::bounds::Bounds;
use crate::domain::log::record::Topics;
use crate::domain::log::refused::RefusedRecords;
use crate::live::progress::Progress;
use crate::live::worker::refusals::RefusalLog;
use crate::log::ReaderSettings;
use crate::observe::{Metrics, Readiness};
use crate::store::Generation;
use crate::store::commit::WriteTarget;
use crate::store::connect::Access;

/// Settings shared by all workers of a process.
#[derive(Clone)]
pub struct WorkerSettings {
    pub reader: ReaderSettings,
    pub topics: Topics,
    pub access: Access,
    /// Which generation to fold into.
    pub target: WriteTarget,
    /// The live generation, as it changes, so that a worker switches even if no records arrive. `None`: it notices
    /// at its next commit.
    pub live: Option<watch::Receiver<Generation>>,
    /// Where the fold ends; `None`: it never does.
    pub ends: Option<Arc<Bounds>>,
    /// What another generation rejected, and this one shall too.
    pub refused: Arc<RefusedRecords>,
    pub retry: Retry,
    pub cache_orders_max: usize,
    pub cache_bytes_max: usize,
    pub refusals_in_a_row_max: i64,
    /// How long a stopping worker may keep writing.
    pub drain_timeout: Duration,
    /// This worker's own handle.
    pub readiness: Readiness,
    /// Is told what is claimed and committed.
    pub progress: Progress,
    pub metrics: Arc<Metrics>,
    /// Of all workers of the process.
    pub refusals: Arc<RefusalLog>,
}

impl WorkerSettings {
    /// From the configuration: for the live generation, without an end.
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
            target: WriteTarget::Live,
            live: None,
            ends: None,
            refused: Arc::default(),
            retry: config.retry.clone(),
            cache_orders_max: config.workers.cache_orders_max,
            cache_bytes_max: config.workers.cache_bytes_max,
            refusals_in_a_row_max: config.limits.refusals_in_a_row_max,
            drain_timeout: config.workers.drain_timeout,
            readiness,
            progress: Progress::default(),
            metrics,
            refusals: Arc::default(),
        }
    }
}
