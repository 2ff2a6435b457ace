//! How fast a load may read.

use std::time::Duration;

use tokio::time::Instant;

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

    pub fn count(&mut self, records: u64) {
        self.records += records;
    }

    /// When what was counted may have been read.
    pub fn due(&self) -> Instant {
        if self.per_second == 0 {
            return self.started;
        }
        self.started + Duration::from_secs_f64(self.records as f64 / self.per_second as f64)
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
