//! What can go wrong with Redis.

use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("redis.url is not an address of a Redis ({0}); write redis://host:port/database, or rediss:// for TLS")]
    Address(String),
    #[error("Redis did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("Redis: {0}")]
    Redis(#[source] redis::RedisError),
    #[error("a snapshot can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
