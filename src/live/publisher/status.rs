//! What /readyz says about the publisher.

/// Problems are one sentence each. None of them stops the fold: they only affect readers of Redis and the gauges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublisherStatus {
    /// Whether this instance leads.
    pub leading: bool,
    /// Why Redis accepts no publications; only the leader knows.
    pub redis: Option<String>,
    /// Why subscribers of the channel are not told, although the keys are right.
    pub channel: Option<String>,
    /// What the newest verification of the live generation found; only the leader tells.
    pub differences: Option<String>,
    /// Why the views can't be read, or the lock can't be tried for.
    pub postgres: Option<String>,
}

impl PublisherStatus {
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.redis.iter().chain(&self.channel).chain(&self.differences).chain(&self.postgres).map(String::as_str)
    }
}
