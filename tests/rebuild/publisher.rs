//! Whoever writes the hard log, in parts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::hard_log::meaning::{Draft, Stored};
use crate::hard_log::produce::{Topics, produce};

const PART: usize = 300;
const TRICKLE: usize = 5;
/// Kept back while it publishes until it is told, so that it never runs dry.
const RESERVE: usize = 600;

pub struct Publisher {
    pub brokers: String,
    pub orders_topic: String,
    pub runs_topic: String,
    /// Not yet written.
    pub ahead: Vec<Draft>,
}

/// How far one has come that publishes at its own pace.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    pub written: Arc<AtomicUsize>,
    /// From now on without pauses, to the end.
    pub hurry: Arc<AtomicBool>,
}

impl Publisher {
    pub fn topics(&self) -> Topics {
        Topics { orders: self.orders_topic.clone(), runs: self.runs_topic.clone() }
    }

    /// Writes the next so many, or all that are left.
    pub async fn write(&mut self, count: usize) -> Vec<Stored> {
        let rest = self.ahead.split_off(count.min(self.ahead.len()));
        let part = std::mem::replace(&mut self.ahead, rest);
        produce(&self.brokers, &self.topics(), part).await
    }

    /// Goes on writing, ever less at a time, until it may hurry; then all that is left.
    pub async fn write_until_hurried(mut self, pace: Pace) -> Vec<Stored> {
        let mut stored = Vec::new();
        while !pace.hurry.load(Ordering::SeqCst) {
            let count = if self.ahead.len() > RESERVE { PART } else { TRICKLE };
            stored.extend(self.write(count).await);
            pace.written.store(stored.len(), Ordering::SeqCst);
            sleep(Duration::from_millis(100)).await;
        }
        assert!(!self.ahead.is_empty(), "it ran dry while it should have gone on");
        stored.extend(self.write(usize::MAX).await);
        stored
    }
}
