use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::sleep;

use crate::hard_log::generator::PARTITIONS;
use crate::hard_log::meaning::{Draft, Stored};
use crate::hard_log::produce::{Topics, produce_all};

const PERIOD: Duration = Duration::from_millis(400);

/// Publishes steadily, to the broker itself.
pub struct Publisher {
    log: Arc<Mutex<Log>>,
    partitions: Arc<AtomicI32>,
    task: Mutex<JoinHandle<()>>,
    abort: AbortHandle,
}

/// What has been published, and what has not.
pub struct Log {
    ahead: Vec<Draft>,
    pub stored: Vec<Stored>,
    /// Written in transactions that were aborted.
    pub aborted: Vec<Stored>,
}

impl Publisher {
    /// All within `duration`, if the broker takes it.
    pub fn start(brokers: String, topics: Topics, ahead: Vec<Draft>, duration: Duration, seed: u64) -> Self {
        let periods = (duration.as_millis() / PERIOD.as_millis()).max(1) as usize;
        let count = ahead.len().div_ceil(periods);
        let log = Arc::new(Mutex::new(Log { ahead, stored: Vec::new(), aborted: Vec::new() }));
        let partitions = Arc::new(AtomicI32::new(PARTITIONS));
        let (shared, wide) = (log.clone(), partitions.clone());
        let task = tokio::spawn(async move {
            let mut rng = StdRng::seed_from_u64(seed);
            while publish(&brokers, &topics, &shared, &wide, count, &mut rng).await {
                sleep(PERIOD).await;
            }
        });
        Self { log, partitions, abort: task.abort_handle(), task: Mutex::new(task) }
    }

    /// Nothing is published for as long as it is held.
    pub async fn pause(&self) -> tokio::sync::MutexGuard<'_, Log> {
        self.log.lock().await
    }

    /// From now on records go to new partitions too.
    pub fn widen(&self, partitions: i32) {
        self.partitions.store(partitions, Ordering::SeqCst);
    }

    /// Whether all is published, or nothing more will be.
    pub fn is_done(&self) -> bool {
        self.abort.is_finished()
    }

    /// How much of it is published, from 0 to 1.
    pub async fn share(&self) -> f64 {
        let log = self.log.lock().await;
        log.stored.len() as f64 / (log.stored.len() + log.ahead.len()).max(1) as f64
    }

    /// Until all is published; panics where that fails.
    pub async fn finish(&self) {
        (&mut *self.task.lock().await).await.expect("all is published");
    }

    pub async fn stored(&self) -> Vec<Stored> {
        self.log.lock().await.stored.clone()
    }

    pub async fn aborted(&self) -> Vec<Stored> {
        self.log.lock().await.aborted.clone()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

/// Whether there is more.
async fn publish(
    brokers: &str,
    topics: &Topics,
    log: &Mutex<Log>,
    partitions: &AtomicI32,
    count: usize,
    rng: &mut StdRng,
) -> bool {
    let mut log = log.lock().await;
    let count = count.min(log.ahead.len());
    let rest = log.ahead.split_off(count);
    let mut now = std::mem::replace(&mut log.ahead, rest);
    let partitions = partitions.load(Ordering::SeqCst);
    if partitions > PARTITIONS {
        // By key a record may come into another partition, once there are more.
        for draft in &mut now {
            if rng.random_bool(0.5) {
                draft.partition = rng.random_range(0..partitions);
            }
        }
    }
    let written = produce_all(brokers, topics, now).await;
    log.stored.extend(written.standing);
    log.aborted.extend(written.aborted);
    !log.ahead.is_empty()
}
