//! Conditions that keep this instance from being ready, raised wherever they are noticed and reported by /readyz.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

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
/// Events that lost their sequence can't be read from the log again.
pub const DISPLACED: &str = "displaced_events";

/// Name of the condition of a partition that the flood guard has stopped.
pub fn flood_guard(topic: &str, partition: i32) -> String {
    format!("flood_guard:{topic}/{partition}")
}

/// Name of the condition of a partition whose position is not in the log, or can't be determined.
pub fn log_guard(topic: &str, partition: i32) -> String {
    format!("log_guard:{topic}/{partition}")
}

/// The set of conditions; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    conditions: Arc<Mutex<Conditions>>,
    /// Whose conditions these are; see [`Readiness::source`].
    source: u64,
}

#[derive(Debug, Default)]
struct Conditions {
    by_name: BTreeMap<(String, u64), Condition>,
    sources: u64,
}

impl Readiness {
    /// The same set for one of several parts that raise a condition of the same name, such as each worker: it clears what
    /// it has raised itself, and what others have raised stays.
    pub fn source(&self) -> Readiness {
        let mut conditions = self.lock();
        conditions.sources += 1;
        Readiness { conditions: self.conditions.clone(), source: conditions.sources }
    }

    /// Raises a condition, or updates the detail of one that is already raised.
    pub fn raise(&self, name: &str, severity: Severity, detail: impl Into<String>) {
        let (key, detail) = ((name.to_owned(), self.source), detail.into());
        let conditions = &mut self.lock().by_name;
        let since = conditions.get(&key).map_or_else(Utc::now, |condition| condition.since);
        conditions.insert(key, Condition { severity, since, detail });
    }

    pub fn clear(&self, name: &str) {
        self.lock().by_name.remove(&(name.to_owned(), self.source));
    }

    /// Sorted by name. Where several sources have raised one, the oldest.
    pub fn conditions(&self) -> BTreeMap<String, Condition> {
        let mut all: BTreeMap<String, Condition> = BTreeMap::new();
        for ((name, _), condition) in &self.lock().by_name {
            match all.get(name) {
                Some(other) if other.since <= condition.since => {}
                _ => drop(all.insert(name.clone(), condition.clone())),
            }
        }
        all
    }

    pub fn is_ready(&self) -> bool {
        self.lock().by_name.values().all(|condition| condition.severity == Severity::Degraded)
    }

    fn lock(&self) -> MutexGuard<'_, Conditions> {
        // Every change is one map operation, so the map stays valid if a thread panics.
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
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
    }

    #[test]
    fn what_one_source_clears_another_may_still_have_raised() {
        let readiness = Readiness::default();
        let (one, other) = (readiness.source(), readiness.source());
        one.raise(POSTGRES, Severity::Unready, "one");
        other.raise(POSTGRES, Severity::Unready, "other");
        one.clear(POSTGRES);
        readiness.clear(POSTGRES);
        assert_eq!(readiness.conditions()[POSTGRES].detail, "other");
        other.clear(POSTGRES);
        assert!(readiness.is_ready());
    }
}
