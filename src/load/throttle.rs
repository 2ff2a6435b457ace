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
    /// A worker's share of a rate; 0: unlimited. The smallest share is one record a second.
    pub fn shared(per_second: u64, workers: usize) -> Throttle {
        let workers = u64::try_from(workers.max(1)).unwrap_or(u64::MAX);
        let per_second = if per_second == 0 { 0 } else { (per_second / workers).max(1) };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_rate_is_not_rounded_to_none() {
        let share = |per_second, workers| Throttle::shared(per_second, workers).per_second;
        assert_eq!([share(0, 2), share(1, 2), share(100, 4), share(7, 0)], [0, 1, 25, 7]);
    }
}
