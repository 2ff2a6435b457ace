//! When a peer counts as gone, on both sides of a connection.

use std::time::Duration;

/// A silent peer is asked whether it is there after this, this often, and this many times: it is gone after 25 s.
pub const IDLE: Duration = Duration::from_secs(10);
pub const INTERVAL: Duration = Duration::from_secs(5);
pub const PROBES: u32 = 3;
/// A peer that acknowledges nothing of what was sent is gone after this.
pub const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);
