//! What can go wrong with Redis.

use std::time::Duration;

/// What can go wrong with Redis. None of these stops the fold: the publisher retries.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("redis.url is not a valid Redis URL ({0}); use redis://host:port/database, or rediss:// for TLS")]
    Address(String),
    #[error("Redis did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("Redis: {0}")]
    Redis(#[source] redis::RedisError),
    #[error("cannot write a snapshot as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
