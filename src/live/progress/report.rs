//! One line a minute on what this process folds, while there is something to fold.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tracing::info;

use super::partitions::Look;
use crate::domain::log::partition::StreamPartition;

const EVERY: Duration = Duration::from_secs(60);

/// What was told last, and when.
pub struct Report {
    told: Instant,
    next_offsets: BTreeMap<StreamPartition, i64>,
}

/// What happened since.
#[derive(Debug, PartialEq, Eq)]
struct News {
    partitions: usize,
    /// Offsets that checkpoints have moved by, on partitions that were here before.
    offsets: i64,
    /// To the end of the log, as far as both are known.
    lag: i64,
}

impl Report {
    pub fn new(now: Instant) -> Report {
        Report { told: now, next_offsets: BTreeMap::new() }
    }

    /// Writes the line if it is due. An idle process says nothing.
    pub fn tell(&mut self, looks: &[Look], is_ready: bool, now: Instant) {
        let elapsed = now.saturating_duration_since(self.told);
        if elapsed < EVERY {
            return;
        }
        self.told = now;
        let News { partitions, offsets, lag } = self.news(looks);
        if offsets > 0 || lag > 0 {
            let per_second = offsets / i64::try_from(elapsed.as_secs().max(1)).unwrap_or(i64::MAX);
            info!(partitions, offsets, per_second, lag, ready = is_ready, "folding");
        }
    }

    fn news(&mut self, looks: &[Look]) -> News {
        let now: BTreeMap<_, _> = looks.iter().filter_map(|look| Some((look.partition, look.next_offset?))).collect();
        // A partition that came back, or a rollback, may be behind what it was.
        let moved = |(partition, at): (&StreamPartition, &i64)| Some((at - self.next_offsets.get(partition)?).max(0));
        let news = News {
            partitions: looks.len(),
            offsets: now.iter().filter_map(moved).sum(),
            lag: looks.iter().filter_map(Look::lag).sum(),
        };
        self.next_offsets = now;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::record::Stream;
    use crate::log::Phase;
    use crate::log::survey::list_offsets::LogEnds;

    fn look(index: i32, next_offset: i64, high_watermark: i64) -> Look {
        Look {
            partition: StreamPartition { stream: Stream::Orders, index },
            phase: Phase::Claiming,
            next_offset: Some(next_offset),
            ends: Some(LogEnds { high_watermark, last_stable: high_watermark }),
            stalled: Duration::ZERO,
            fenced: 0,
            in_flight_bytes: 0,
            last_error: None,
        }
    }

    #[test]
    fn only_what_moved_here_counts() {
        let mut report = Report::new(Instant::now());
        assert_eq!(report.news(&[look(0, 10, 15)]), News { partitions: 1, offsets: 0, lag: 5 });
        let news = report.news(&[look(0, 15, 15), look(1, 900, 1_000)]);
        assert_eq!(news, News { partitions: 2, offsets: 5, lag: 100 });
        assert_eq!(report.news(&[look(1, 1_000, 1_000)]), News { partitions: 1, offsets: 100, lag: 0 });
    }
}
