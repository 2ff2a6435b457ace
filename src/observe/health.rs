//! Conditions that keep this instance from being ready, raised wherever they are noticed and reported by /readyz.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Whether a condition takes the instance out of service, or is only reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Unready,
    /// Work continues without the missing dependency.
    Degraded,
}

/// A condition that /readyz reports, keyed by name in `Readiness`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub severity: Severity,
    /// When it was first raised; raising it again doesn't change this.
    pub since: DateTime<Utc>,
    /// One sentence: the thing, the place and what to do.
    pub detail: String,
}

/// Names of conditions. For partitions, see [`flood_guard`] and [`log_guard`].
pub const POSTGRES: &str = "postgres";
pub const KAFKA: &str = "kafka";
pub const SCHEMA_REGISTRY: &str = "schema_registry";
pub const REDIS: &str = "redis";
pub const SCHEMA_VERSION: &str = "schema_version";
/// The live generation has another projection version than this binary.
pub const PROJECTION_VERSION: &str = "projection_version";
pub const ASSIGNMENT: &str = "assignment";
pub const SHUTDOWN: &str = "shutdown";

/// Name of the condition of a partition that the flood guard has stopped.
pub fn flood_guard(topic: &str, partition: i32) -> String {
    format!("flood_guard:{topic}/{partition}")
}

const LOG_GUARD: &str = "log_guard:";

/// Name of the condition of a partition whose log is not the one that was folded, or can't be read.
pub fn log_guard(topic: &str, partition: i32) -> String {
    format!("{LOG_GUARD}{topic}/{partition}")
}

/// The set of conditions; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<String, Condition>>>);

impl Readiness {
    /// Raises a condition, or updates the detail of one that is already raised.
    pub fn raise(&self, name: &str, severity: Severity, detail: impl Into<String>) {
        let detail = detail.into();
        let mut conditions = self.lock();
        let since = conditions.get(name).map_or_else(Utc::now, |condition| condition.since);
        conditions.insert(name.to_owned(), Condition { severity, since, detail });
    }

    pub fn clear(&self, name: &str) {
        self.lock().remove(name);
    }

    /// Sorted by name.
    pub fn conditions(&self) -> BTreeMap<String, Condition> {
        self.lock().clone()
    }

    /// `{name: {severity, since, detail}}`
    pub fn to_json(&self) -> Value {
        let entry = |(name, condition): (&String, &Condition)| {
            let severity = match condition.severity {
                Severity::Unready => "unready",
                Severity::Degraded => "degraded",
            };
            let told = json!({"severity": severity, "since": condition.since, "detail": condition.detail});
            (name.clone(), told)
        };
        Value::Object(self.lock().iter().map(entry).collect())
    }

    /// Partitions that the log guard has stopped, by topic and number.
    pub fn log_guarded(&self) -> BTreeSet<(String, i32)> {
        let partition = |name: &String| {
            let (topic, partition) = name.strip_prefix(LOG_GUARD)?.rsplit_once('/')?;
            Some((topic.to_owned(), partition.parse().ok()?))
        };
        self.lock().keys().filter_map(partition).collect()
    }

    pub fn is_ready(&self) -> bool {
        self.lock().values().all(|condition| condition.severity == Severity::Degraded)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Condition>> {
        // Every change is one map operation, so the map stays valid if a thread panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unready_condition_is_enough_and_degraded_ones_are_not() {
        let readiness = Readiness::default();
        readiness.raise(REDIS, Severity::Degraded, "away");
        assert!(readiness.is_ready());
        readiness.raise(KAFKA, Severity::Unready, "first");
        let since = readiness.conditions()[KAFKA].since;
        readiness.clone().raise(KAFKA, Severity::Unready, "second");
        assert!(!readiness.is_ready());
        let kafka = readiness.conditions()[KAFKA].clone();
        assert_eq!((kafka.since, kafka.detail.as_str()), (since, "second"));
        readiness.clear(KAFKA);
        assert!(readiness.is_ready());
        readiness.raise(&flood_guard("orders", 1), Severity::Unready, "flood");
        readiness.raise(&log_guard("orders", 7), Severity::Unready, "lost");
        assert_eq!(readiness.log_guarded(), [("orders".to_owned(), 7)].into());
    }
}
