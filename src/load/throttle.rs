//! How fast a load may read.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// Limits a worker's rate.
pub struct Throttle {
    started: Instant,
    records: u64,
    per_second: u64,
}

impl Throttle {
    pub fn new(per_second: u64) -> Throttle {
        Throttle { started: Instant::now(), records: 0, per_second }
    }

    /// Waits until so many more records are due, or `stop`.
    pub async fn wait(&mut self, records: u64, stop: &CancellationToken) {
        self.records += records;
        if self.per_second == 0 {
            return;
        }
        let due = Duration::from_secs_f64(self.records as f64 / self.per_second as f64);
        let ahead = due.saturating_sub(self.started.elapsed());
        tokio::select! {
            () = tokio::time::sleep(ahead) => {}
            () = stop.cancelled() => {}
        }
    }
}
