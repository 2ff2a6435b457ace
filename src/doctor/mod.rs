//! Examines everything foldback depends on: all parts in parallel, each within its time limit.

mod finding;
mod kafka;
mod postgres;
mod redis;
mod registry;

use std::time::Duration;

use crate::config::Config;

pub use finding::{Finding, Verdict};

/// Maximum time for one part.
const PART_TIMEOUT: Duration = Duration::from_secs(5);

/// All findings: Postgres, Kafka, the schema registry, Redis, in this order.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let (postgres, kafka, registry, redis) = tokio::join!(
        within("postgres", "postgres.url", postgres::examine(config)),
        within("kafka", "kafka.brokers", kafka::examine(config)),
        within("schema_registry", "schema_registry.url", registry::examine(config)),
        within("redis", "redis.url", redis::examine(config)),
    );
    [postgres, kafka, registry, redis].concat()
}

async fn within(part: &'static str, key: &str, work: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    // Slightly more than a part's own timeouts, whose findings are more specific.
    match tokio::time::timeout(PART_TIMEOUT + Duration::from_millis(500), Box::pin(work)).await {
        Ok(findings) => findings,
        Err(_) => {
            let seen = format!("no answer within {} s", PART_TIMEOUT.as_secs());
            vec![Finding::fail(part, "reachable", seen, format!("check {key} and that the server is up"))]
        }
    }
}
