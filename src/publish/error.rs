//! What can go wrong with Redis.

use std::time::Duration;

/// What can go wrong with Redis. None of these stops the fold: the publisher retries.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("redis.url is not a valid Redis URL ({0}); use redis://host:port/database, or rediss:// for TLS")]
    Address(String),
    #[error("Redis did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("Redis: {}{}", .0, advice(.0))]
    Redis(#[source] redis::RedisError),
    #[error("cannot write a snapshot as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl PublishError {
    /// Whether Redis itself refused, rather than the connection.
    pub fn is_answer(&self) -> bool {
        matches!(self, PublishError::Redis(error) if error.code().is_some())
    }
}

/// What to do about an answer of Redis that waiting alone may not cure.
fn advice(error: &redis::RedisError) -> &'static str {
    match error.code().unwrap_or_default() {
        "READONLY" => "; redis.url leads to a replica: it must name the primary",
        "NOREPLICAS" => "; fewer replicas are connected than min-replicas-to-write asks for",
        "OOM" => "; raise maxmemory, or give foldback a Redis of its own",
        "MISCONF" => "; Redis can't save to disk and refuses writes: see its log",
        "NOPERM" => {
            "; the user needs +eval, +evalsha, +script|load, +set, +setrange, +get, +del, +hset, +hgetall, +type and \
             +publish, and redis.prefix with a * as a pattern for keys (~) and channels (&)"
        }
        "NOAUTH" | "WRONGPASS" => "; check user and password in redis.url",
        "CROSSSLOT" => "; in a cluster, put a hash tag in redis.prefix, such as {provider_automation}:",
        "LOADING" | "MASTERDOWN" | "BUSY" | "TRYAGAIN" => "; it is tried again until it works",
        "CLUSTERDOWN" => "; the cluster lacks a node for these keys",
        _ => "",
    }
}
