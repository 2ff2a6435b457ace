//! What can be seen of a reader from outside, at any time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use super::client_health::{ClientHealth, Membership};
use super::partition::{AssignedPartition, Phase};
use super::state::State;
use crate::domain::log::partition::StreamPartition;

/// Bytes that have been read but not yet committed to Postgres; the writer subtracts what it has committed.
pub type InFlight = Arc<AtomicUsize>;

/// The reader's partitions, whatever its items are.
trait Partitions: Send + Sync {
    fn partitions(&self) -> Vec<(StreamPartition, AssignedPartition)>;
}

impl<T: Send> Partitions for Mutex<State<T>> {
    fn partitions(&self) -> Vec<(StreamPartition, AssignedPartition)> {
        let state = self.lock().unwrap_or_else(PoisonError::into_inner);
        state.partitions.iter().map(|(partition, assigned)| (*partition, *assigned)).collect()
    }
}

/// Looks at a reader without holding it up.
#[derive(Clone)]
pub struct ReaderWatch {
    /// Weak, since the writer learns of the reader's end when nobody can send to it any more.
    partitions: Weak<dyn Partitions>,
    /// Of each lane.
    in_flight: Vec<InFlight>,
    health: Arc<Mutex<ClientHealth>>,
}

impl ReaderWatch {
    pub(super) fn new<T: Send + 'static>(
        state: &Arc<Mutex<State<T>>>,
        in_flight: Vec<InFlight>,
        health: Arc<Mutex<ClientHealth>>,
    ) -> ReaderWatch {
        let partitions: Weak<Mutex<State<T>>> = Arc::downgrade(state);
        ReaderWatch { partitions, in_flight, health }
    }

    /// The partitions that are assigned to it, each with the bytes that its writer has not committed yet; none once it has
    /// ended.
    pub fn partitions(&self) -> Vec<(StreamPartition, Phase, usize)> {
        let partitions = self.partitions.upgrade().map_or_else(Vec::new, |partitions| partitions.partitions());
        let in_flight = |assigned: &AssignedPartition| self.in_flight[assigned.lane].load(Ordering::Relaxed);
        partitions.into_iter().map(|(partition, assigned)| (partition, assigned.phase, in_flight(&assigned))).collect()
    }

    /// `None`: it is a member of no group, or too young to tell.
    pub fn membership(&self) -> Option<Membership> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).member().cloned()
    }

    /// The last error of its client, and when that was.
    pub fn last_error(&self) -> Option<(Instant, String)> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).last_error().cloned()
    }
}
