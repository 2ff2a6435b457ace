//! Deals partitions to the writers again when what the group gave or took has left them unevenly dealt.

use std::time::{Duration, Instant};

use tracing::info;

use super::Reader;
use super::context::lock;
use super::delivery::RecordDecoder;
use super::moving::Move;
use super::partition::Phase;

/// A rebalance takes before it gives: what looks uneven in the middle of one may not be so at its end.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

impl<S: RecordDecoder> Reader<S> {
    /// Moves one partition at a time.
    pub(super) fn deal_again(&mut self, now: Instant) {
        if let Some(moving) = self.moving.take_if(|moving| moving.is_over(now)) {
            let claim = Phase::Unclaimed { not_before: now };
            self.change(moving.partition, moving.assignment, claim);
        }
        if self.moving.is_none() {
            self.moving = self.move_one(now);
        }
    }

    fn move_one(&self, now: Instant) -> Option<Move> {
        let mut state = lock(&self.state);
        if now.saturating_duration_since(state.rebalanced) < SETTLED_AFTER {
            return None;
        }
        let (partition, lane) = state.misdealt()?;
        let former = state.partitions.get(&partition)?.lane;
        let released = state.lanes[former].release(vec![partition]);
        let until = now + self.settings.drain_timeout;
        let assignment = state.assign(partition, lane, until);
        drop(state);
        self.stop_fetching(partition);
        let topic = self.settings.topics.name(partition.stream);
        info!(topic, partition = partition.index, from = former, to = lane, "partition moved to another worker");
        Some(Move { partition, assignment, released, until })
    }
}
