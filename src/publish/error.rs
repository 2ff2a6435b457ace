//! What can go wrong with Redis.

use std::time::Duration;

use redis::ErrorKind;

use crate::config::tls::Distrust;

const CREDENTIALS: &str = "; check user and password in redis.url";

/// What can go wrong with Redis. None of these stops the fold: the publisher retries.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("redis.url is not a valid Redis URL ({0}); use redis://host:port/database, or rediss:// for TLS")]
    Address(String),
    #[error("Redis did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("Redis: {}{}", .0, advice(.0))]
    Redis(#[source] redis::RedisError),
    #[error("Redis: {error}; the user lacks these rights: {missing} (`ACL SETUSER` gives them)")]
    Denied { error: redis::RedisError, missing: String },
    #[error("cannot write a snapshot as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl PublishError {
    /// Whether the user lacks a right.
    pub fn is_denied(&self) -> bool {
        matches!(self, PublishError::Redis(error) if error.code() == Some("NOPERM"))
    }

    /// The same, or a script's refusal, which has no code of its own.
    pub fn may_be_denied(&self) -> bool {
        matches!(self, PublishError::Redis(error) if matches!(error.code(), Some("NOPERM" | "ERR")))
    }

    /// Whether Redis itself refused, rather than the connection.
    pub fn is_answer(&self) -> bool {
        matches!(self, PublishError::Redis(error) if error.code().is_some())
    }
}

/// What to do about an answer of Redis that waiting alone may not cure.
fn advice(error: &redis::RedisError) -> String {
    match Distrust::of(&error.to_string()) {
        Some(distrust) => format!("; {}", distrust.remedy("redis.url")),
        None => advice_by_code(error).to_owned(),
    }
}

fn advice_by_code(error: &redis::RedisError) -> &'static str {
    // While a connection is made, in the client's own words instead of Redis's code.
    if error.kind() == ErrorKind::AuthenticationFailed {
        return CREDENTIALS;
    }
    match error.code().unwrap_or_default() {
        "READONLY" => "; redis.url leads to a replica: it must name the primary",
        "NOREPLICAS" => "; fewer replicas are connected than min-replicas-to-write asks for",
        "OOM" => "; raise maxmemory, or give foldback a Redis of its own",
        "MISCONF" => "; Redis can't save to disk and refuses writes: see its log",
        "NOPERM" => {
            "; the user needs +evalsha, +script|load, +set, +setrange, +get, +del, +hset, +hgetall, +type and \
             +publish, and redis.prefix with a * as a pattern for keys (~) and channels (&)"
        }
        "NOAUTH" | "WRONGPASS" => CREDENTIALS,
        "CROSSSLOT" => "; in a cluster, put a hash tag in redis.prefix, such as {provider_automation}:",
        "LOADING" => "; it reads its data from disk after a start: tried again until that is done",
        "MASTERDOWN" => "; a replica that has lost its primary: redis.url must name the primary",
        "BUSY" => "; a script of somebody's is running: tried again until it ends (SCRIPT KILL ends it)",
        "ASK" | "TRYAGAIN" => "; the keys are moving to another node of the cluster: tried again until that is done",
        "MOVED" => "; the nodes of the cluster send each other's clients in a circle: see CLUSTER NODES",
        "CLUSTERDOWN" => "; a node of the cluster is missing, or no node has these keys: see CLUSTER INFO",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use redis::RedisError;

    use super::*;

    #[test]
    fn refused_credentials_say_where_they_are() {
        let refused = RedisError::from((ErrorKind::AuthenticationFailed, "Password authentication failed"));
        let told = PublishError::Redis(refused).to_string();
        assert!(told.ends_with("; check user and password in redis.url"), "{told}");
    }
}
