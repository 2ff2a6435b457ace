use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::hard_log::generator::PARTITIONS;
use crate::hard_log::meaning::{Draft, Stored};
use crate::hard_log::produce::{Topics, produce};

const PERIOD: Duration = Duration::from_millis(400);

/// Publishes steadily, to the broker itself.
pub struct Publisher {
    log: Arc<Mutex<Log>>,
    partitions: Arc<AtomicI32>,
    is_done: Arc<AtomicBool>,
    task: Mutex<JoinHandle<()>>,
}

/// What has been published, and what has not.
pub struct Log {
    ahead: Vec<Draft>,
    pub stored: Vec<Stored>,
}

impl Publisher {
    /// All within `duration`, if the broker takes it.
    pub fn start(brokers: String, topics: Topics, ahead: Vec<Draft>, duration: Duration, seed: u64) -> Self {
        let periods = (duration.as_millis() / PERIOD.as_millis()).max(1) as usize;
        let count = ahead.len().div_ceil(periods);
        let log = Arc::new(Mutex::new(Log { ahead, stored: Vec::new() }));
        let partitions = Arc::new(AtomicI32::new(PARTITIONS));
        let is_done = Arc::<AtomicBool>::default();
        let (shared, wide, done) = (log.clone(), partitions.clone(), is_done.clone());
        let task = tokio::spawn(async move {
            let mut rng = StdRng::seed_from_u64(seed);
            loop {
                if !publish(&brokers, &topics, &shared, &wide, count, &mut rng).await {
                    return done.store(true, Ordering::SeqCst);
                }
                sleep(PERIOD).await;
            }
        });
        Self { log, partitions, task: Mutex::new(task), is_done }
    }

    /// Nothing is published for as long as it is held.
    pub async fn pause(&self) -> tokio::sync::MutexGuard<'_, Log> {
        self.log.lock().await
    }

    /// From now on records go to new partitions too.
    pub fn widen(&self, partitions: i32) {
        self.partitions.store(partitions, Ordering::SeqCst);
    }

    pub fn is_done(&self) -> bool {
        self.is_done.load(Ordering::SeqCst)
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
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.get_mut().abort();
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
    let stored = produce(brokers, topics, now).await;
    log.stored.extend(stored);
    !log.ahead.is_empty()
}
