//! What can be seen of a reader from outside, at any time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::client_health::{ClientHealth, Membership};
use super::partition::Phase;
use super::state::State;
use crate::domain::log::partition::StreamPartition;

/// Bytes that have been read but not yet committed to Postgres; the writer subtracts what it has committed.
pub type InFlight = Arc<AtomicUsize>;

/// The reader's partitions, whatever its items are.
pub(super) trait Phases: Send + Sync {
    fn phases(&self) -> Vec<(StreamPartition, Phase)>;
}

impl<T: Send> Phases for Mutex<State<T>> {
    fn phases(&self) -> Vec<(StreamPartition, Phase)> {
        let state = self.lock().unwrap_or_else(PoisonError::into_inner);
        state.partitions.iter().map(|(partition, assigned)| (*partition, assigned.phase)).collect()
    }
}

/// Looks at a reader without holding it up.
#[derive(Clone)]
pub struct ReaderWatch {
    pub(super) partitions: Arc<dyn Phases>,
    pub(super) in_flight: InFlight,
    pub(super) health: Arc<Mutex<ClientHealth>>,
}

impl ReaderWatch {
    /// The partitions that are assigned to it.
    pub fn partitions(&self) -> Vec<(StreamPartition, Phase)> {
        self.partitions.phases()
    }

    /// Bytes that were read and not committed yet.
    pub fn in_flight_bytes(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
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
