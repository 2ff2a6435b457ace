//! The names under which snapshots stand in Redis.

/// Every key and the channel, by the configured prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Status payload of the latest replay run, a JSON text; absent without one.
    pub replay: String,
    /// Status payload of the latest alert run, a JSON text; absent without one.
    pub alerts: String,
    /// Backlog of all providers, a JSON text.
    pub backlog: String,
    /// A hash: provider -> its backlog as JSON text; absent without any.
    pub by_provider: String,
    /// Channel that tells the new version.
    pub changed: String,
}

impl Keys {
    pub fn new(prefix: &str) -> Keys {
        Keys {
            replay: format!("{prefix}status:replay"),
            alerts: format!("{prefix}status:alerts"),
            backlog: format!("{prefix}backlog"),
            by_provider: format!("{prefix}backlog:by_provider"),
            changed: format!("{prefix}changed"),
        }
    }
}
