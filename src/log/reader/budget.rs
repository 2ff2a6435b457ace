//! How much of what is read may wait for its writer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::watch::InFlight;

/// How often to check whether there is room again.
pub const FULL_PAUSE: Duration = Duration::from_millis(1);

/// What one writer may have in flight.
#[derive(Debug, Default)]
pub struct Budget {
    pub in_flight: InFlight,
    /// Whether its active partitions are paused since too much is in flight. None becomes active meanwhile.
    pub paused: bool,
}

impl Budget {
    pub fn bytes(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}
