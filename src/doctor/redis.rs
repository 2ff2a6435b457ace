//! Redis: reachable, and not going to evict our keys.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::publish::inspect::{ServerFacts, inspect};
use crate::publish::{Link, PublishError};

use super::{Finding, PART_TIMEOUT};

const PART: &str = "redis";

pub async fn examine(config: &Config) -> Vec<Finding> {
    let url = &config.redis.url;
    let unreachable = |reason: String| {
        let seen = format!("{}: {reason}", url.address());
        let remedy = "check redis.url and that the server is up; the fold continues without it";
        vec![Finding::warn(PART, "reachable", seen, remedy)]
    };
    match tokio::time::timeout(PART_TIMEOUT, look(config)).await {
        Ok(Ok((facts, writes, missing))) => findings(config, &facts, writes, missing),
        Ok(Err(error)) => unreachable(error.to_string()),
        Err(_) => unreachable(format!("no answer within {} s", PART_TIMEOUT.as_secs())),
    }
}

/// What the server says of itself, whether it takes a write, and which rights publishing lacks.
async fn look(config: &Config) -> Result<(ServerFacts, Result<(), PublishError>, Option<BTreeSet<String>>), String> {
    let redis = &config.redis;
    let facts = inspect(redis.url.expose()).await.map_err(|error| error.to_string())?;
    let mut link = Link::new(redis.url.expose(), &redis.prefix, redis.timeout).map_err(|error| error.to_string())?;
    let writes = link.try_write().await;
    // What stands in the way of asking is told by the write.
    let missing = link.missing_rights().await.unwrap_or_default();
    Ok((facts, writes, missing))
}

fn findings(
    config: &Config,
    facts: &ServerFacts,
    writes: Result<(), PublishError>,
    missing: Option<BTreeSet<String>>,
) -> Vec<Finding> {
    let reachable = Finding::ok(PART, "reachable", config.redis.url.address());
    let known = if facts.is_hidden {
        let remedy = "allow it for this check (+info), or see to it that maxmemory-policy is noeviction";
        vec![Finding::warn(PART, "version", "this user may not use INFO", remedy)]
    } else {
        let version = Finding::ok(PART, "version", facts.version.as_deref().unwrap_or("unknown"));
        vec![version, role(facts), eviction(facts), prefix(&config.redis.prefix, facts)]
    };
    let written = match writes {
        Ok(()) => Finding::ok(PART, "writes", "accepted"),
        Err(error) => Finding::warn(PART, "writes", error.to_string(), "the fold continues; nothing is published"),
    };
    std::iter::once(reachable).chain(known).chain([written]).chain(missing.map(rights)).collect()
}

/// Of each command that publishing uses.
fn rights(missing: BTreeSet<String>) -> Finding {
    if missing.is_empty() {
        return Finding::ok(PART, "rights", "all that publishing needs");
    }
    let rules = missing.into_iter().collect::<Vec<_>>().join(" ");
    let remedy = "allow it with `ACL SETUSER`; the fold continues without";
    Finding::warn(PART, "rights", format!("this user lacks {rules}"), remedy)
}

fn role(facts: &ServerFacts) -> Finding {
    if facts.is_replica {
        return Finding::warn(PART, "role", "a replica, which accepts no writes", "point redis.url at the primary");
    }
    Finding::ok(PART, "role", "a primary")
}

fn eviction(facts: &ServerFacts) -> Finding {
    match facts.eviction_policy.as_deref() {
        Some("noeviction") => Finding::ok(PART, "eviction", "noeviction"),
        Some(policy) => {
            let remedy = "set maxmemory-policy noeviction, or give foldback a Redis of its own";
            Finding::warn(PART, "eviction", format!("maxmemory-policy {policy}"), remedy)
        }
        None => Finding::warn(PART, "eviction", "the server does not say", "make sure that it is noeviction"),
    }
}

/// In a cluster, all keys of a script must be in one hash slot.
fn prefix(prefix: &str, facts: &ServerFacts) -> Finding {
    if !facts.is_cluster || has_hash_tag(prefix) {
        return Finding::ok(PART, "prefix", prefix);
    }
    let remedy =
        format!("this is a cluster: put a hash tag in redis.prefix, such as {{{}}}:", prefix.trim_end_matches(':'));
    Finding::fail(PART, "prefix", format!("{prefix} has no hash tag"), remedy)
}

fn has_hash_tag(prefix: &str) -> bool {
    let tag = prefix.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    tag.is_some_and(|(tag, _)| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_needs_a_hash_tag() {
        let cluster = ServerFacts { is_cluster: true, ..ServerFacts::default() };
        assert_eq!(prefix("a:", &cluster).verdict, super::super::Verdict::Fail);
        assert_eq!(prefix("{}a:", &cluster).verdict, super::super::Verdict::Fail);
        assert_eq!(prefix("{a}:", &cluster).verdict, super::super::Verdict::Ok);
        assert_eq!(prefix("a:", &ServerFacts::default()).verdict, super::super::Verdict::Ok);
    }
}
