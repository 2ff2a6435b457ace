//! What the Redis server says about itself, for `doctor`.

use super::client::open;
use super::error::PublishError;

/// Facts from INFO; `None` if the server doesn't report them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerFacts {
    pub version: Option<String>,
    pub eviction_policy: Option<String>,
    pub memory_bytes_max: Option<u64>,
    pub is_cluster: bool,
    pub is_replica: bool,
    /// The user may not use INFO, which publishing doesn't need: nothing else is known.
    pub is_hidden: bool,
}

/// Connects and asks. The caller bounds the time.
pub async fn inspect(url: &str) -> Result<ServerFacts, PublishError> {
    let connection = open(url)?.get_multiplexed_async_connection().await;
    let mut connection = connection.map_err(PublishError::Redis)?;
    match redis::cmd("INFO").query_async::<String>(&mut connection).await {
        Ok(info) => Ok(facts(&info)),
        Err(error) if error.code() == Some("NOPERM") => Ok(ServerFacts { is_hidden: true, ..ServerFacts::default() }),
        Err(error) => Err(PublishError::Redis(error)),
    }
}

fn facts(info: &str) -> ServerFacts {
    let value = |name: &str| {
        let mut pairs = info.lines().filter_map(|line| line.split_once(':'));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned())
    };
    ServerFacts {
        version: value("redis_version"),
        eviction_policy: value("maxmemory_policy"),
        memory_bytes_max: value("maxmemory").and_then(|bytes| bytes.parse().ok()),
        is_cluster: value("cluster_enabled").as_deref() == Some("1"),
        is_replica: value("role").as_deref() == Some("slave"),
        is_hidden: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lines_of_info() {
        let info = "# Server\r\nredis_version:7.0.15\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n\
                    cluster_enabled:1\r\nrole:slave\r\n";
        let seen = facts(info);
        assert_eq!(seen.version.as_deref(), Some("7.0.15"));
        assert_eq!(seen.eviction_policy.as_deref(), Some("allkeys-lru"));
        assert_eq!(seen.memory_bytes_max, Some(0));
        assert!(seen.is_cluster && seen.is_replica);
        assert_eq!(facts(""), ServerFacts::default());
    }
}
