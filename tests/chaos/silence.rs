use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::fleet::Addresses;
use super::log_ends::{Checkpoints, LogEnds, Offsets};
use crate::support::http;

const PERIOD: Duration = Duration::from_millis(500);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Watches from outside for how long records of a partition waited while every instance said that it is ready.
pub struct SilenceWatch {
    worst: Arc<Mutex<Silence>>,
    task: JoinHandle<()>,
}

/// The longest one.
#[derive(Debug, Clone, Default)]
pub struct Silence {
    pub lasted: Duration,
    pub of: String,
}

impl SilenceWatch {
    pub fn start(ends: LogEnds, checkpoints: Checkpoints, instances: Addresses) -> Self {
        let worst = Arc::<Mutex<Silence>>::default();
        let task = tokio::spawn(watch(ends, checkpoints, instances, worst.clone()));
        Self { worst, task }
    }

    /// Ends the watch.
    pub fn worst(&self) -> Silence {
        self.task.abort();
        self.worst.lock().unwrap().clone()
    }
}

impl Drop for SilenceWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(ends: LogEnds, mut checkpoints: Checkpoints, instances: Addresses, worst: Arc<Mutex<Silence>>) {
    let (mut at, mut end) = (Offsets::new(), Offsets::new());
    // Since when each partition's records wait in silence.
    let mut since: BTreeMap<(String, i32), Instant> = BTreeMap::new();
    loop {
        let (read_end, read_at, told) = tokio::join!(ends.read(), checkpoints.read(), is_told(&instances));
        end = read_end.unwrap_or(end);
        let now_at = read_at.unwrap_or_else(|| at.clone());
        for (partition, end) in &end {
            let (was, is) = (at.get(partition), now_at.get(partition));
            let waits = is.copied().unwrap_or(0).max(0) < *end;
            if !waits || told || was != is {
                since.remove(partition);
                continue;
            }
            let lasted = since.entry(partition.clone()).or_insert_with(Instant::now).elapsed();
            let mut worst = worst.lock().unwrap();
            if lasted > worst.lasted {
                let of = format!("{}/{} at {is:?} of {end}", partition.0, partition.1);
                *worst = Silence { lasted, of };
            }
        }
        at = now_at;
        sleep(PERIOD).await;
    }
}

/// Whether somebody who looks would see that something is wrong: an instance that is not ready, or does not answer.
async fn is_told(instances: &Addresses) -> bool {
    let addresses = instances.lock().unwrap().clone();
    let asked = addresses.iter().map(|address| async move {
        let response = http().get(format!("http://{address}/readyz")).timeout(ANSWER_TIMEOUT).send().await;
        !response.is_ok_and(|response| response.status().is_success())
    });
    addresses.is_empty() || futures::future::join_all(asked).await.contains(&true)
}
