//! Names of the keys that hold snapshots in Redis.

/// All keys and the channel, with the configured prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// JSON text: status payload of the latest replay run; absent without one.
    pub replay: String,
    /// JSON text: status payload of the latest alert run; absent without one.
    pub alerts: String,
    /// JSON text: backlog of all providers.
    pub backlog: String,
    /// Hash: provider -> its backlog as JSON text; absent without any.
    pub by_provider: String,
    /// Pub/Sub channel that announces each new version.
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
