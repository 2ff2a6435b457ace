//! Conditions that keep this instance from being ready, raised wherever they are noticed and reported by /readyz.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tracing::{info, warn};

/// Whether a condition takes the instance out of service, or is only reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Unready,
    /// Work continues without the missing dependency.
    Degraded,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Unready => "unready",
            Severity::Degraded => "degraded",
        })
    }
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

/// Names of conditions. Those of a partition are made by the functions below: `NAME:TOPIC/PARTITION`.
pub const POSTGRES: &str = "postgres";
pub const KAFKA: &str = "kafka";
pub const SCHEMA_REGISTRY: &str = "schema_registry";
pub const REDIS: &str = "redis";
/// Keys are published, and subscribers of the channel are not told.
pub const REDIS_CHANNEL: &str = "redis_channel";
/// The file of the HTTP tokens can't be used; those that were read before hold.
pub const HTTP_TOKEN: &str = "http_token";
pub const SCHEMA_VERSION: &str = "schema_version";
/// The live generation has another projection version than this binary.
pub const PROJECTION_VERSION: &str = "projection_version";
pub const ASSIGNMENT: &str = "assignment";
pub const SHUTDOWN: &str = "shutdown";
/// This instance is a member of its group, and the group has given all partitions to others.
pub const STANDBY: &str = "standby";
/// Events that lost their sequence can't be read from the log again.
pub const DISPLACED: &str = "displaced_events";

/// Verifications by this instance are due and can't begin, or fail.
pub const VERIFY: &str = "verify";
/// The newest verification of the live generation found differences.
pub const DIFFERENCES: &str = "differences";

/// Name of the condition of a partition that the flood guard has stopped.
pub fn flood_guard(topic: &str, partition: i32) -> String {
    format!("flood_guard:{topic}/{partition}")
}

const LOG_GUARD: &str = "log_guard:";

/// Name of the condition of a partition whose log is not the one that was folded, or can't be read.
pub fn log_guard(topic: &str, partition: i32) -> String {
    format!("{LOG_GUARD}{topic}/{partition}")
}

/// Whether the name is that of a guard, which only an operator makes give way.
pub fn is_guard(name: &str) -> bool {
    name.starts_with("flood_guard:") || name.starts_with("log_guard:")
}

/// Name of the condition of a partition whose records wait while its checkpoint does not move.
pub fn stalled(topic: &str, partition: i32) -> String {
    format!("stalled:{topic}/{partition}")
}

/// Name of the condition of a partition that others claim again and again, though the group has given it to us.
pub fn fenced(topic: &str, partition: i32) -> String {
    format!("fenced:{topic}/{partition}")
}

/// The set of conditions; clones share it, and write a line to the log when a condition begins and when it ends.
///
/// A condition that several parts of the process notice, each for itself (such as the workers), holds until the last of
/// them clears it. Each of them needs a handle of its own, from [`Readiness::source`]. A partition has one worker, so its
/// conditions are the same for all handles.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    shared: Arc<Mutex<Raised>>,
    holder: u64,
}

#[derive(Debug, Default)]
struct Raised {
    /// By name, then by who raised it. No name is without a holder.
    conditions: BTreeMap<String, BTreeMap<u64, Condition>>,
    holders: u64,
}

impl Readiness {
    /// A handle to the same set, for another part of the process.
    pub fn source(&self) -> Readiness {
        let mut raised = self.lock();
        raised.holders += 1;
        Readiness { shared: self.shared.clone(), holder: raised.holders }
    }

    /// Raises a condition, or updates the detail of one that is already raised.
    pub fn raise(&self, name: &str, severity: Severity, detail: impl Into<String>) {
        let detail = detail.into();
        if self.put(name, severity, detail.clone()) {
            match (name, severity) {
                (SHUTDOWN, _) => info!(condition = name, "not ready: {detail}"),
                (_, Severity::Unready) => warn!(condition = name, "not ready: {detail}"),
                (_, Severity::Degraded) => warn!(condition = name, "degraded: {detail}"),
            }
        }
    }

    /// Raises a condition that belongs to every start, and so to no log.
    pub fn raise_quietly(&self, name: &str, detail: &str) {
        self.put(name, Severity::Unready, detail.to_owned());
    }

    pub fn clear(&self, name: &str) {
        let mut raised = self.lock();
        let Some(holders) = raised.conditions.get_mut(name) else { return };
        let Some(condition) = holders.remove(&self.holder_of(name)) else { return };
        if !holders.is_empty() {
            return;
        }
        raised.conditions.remove(name);
        drop(raised);
        let seconds = (Utc::now() - condition.since).num_seconds();
        info!(condition = name, "over after {seconds} s: {}", condition.detail);
    }

    /// Sorted by name.
    pub fn conditions(&self) -> BTreeMap<String, Condition> {
        let raised = self.lock();
        raised.conditions.iter().filter_map(|(name, holders)| Some((name.clone(), together(holders)?))).collect()
    }

    /// How many conditions there are of each name and severity. Those of partitions are counted by the name before the
    /// colon, so that the names are few.
    pub fn counts(&self) -> BTreeMap<(String, Severity), usize> {
        let mut counts = BTreeMap::new();
        for (name, condition) in self.conditions() {
            let name = name.split(':').next().unwrap_or_default().to_owned();
            *counts.entry((name, condition.severity)).or_default() += 1;
        }
        counts
    }

    /// `{name: {severity, since, detail}}`
    pub fn to_json(&self) -> Value {
        let entry = |(name, condition): (&String, &Condition)| {
            let told = json!({"severity": condition.severity.to_string(), "since": condition.since, "detail": condition.detail});
            (name.clone(), told)
        };
        Value::Object(self.conditions().iter().map(entry).collect())
    }

    /// Partitions that the log guard has stopped, by topic and number.
    pub fn log_guarded(&self) -> BTreeSet<(String, i32)> {
        let partition = |name: &String| {
            let (topic, partition) = name.strip_prefix(LOG_GUARD)?.rsplit_once('/')?;
            Some((topic.to_owned(), partition.parse().ok()?))
        };
        self.conditions().keys().filter_map(partition).collect()
    }

    pub fn is_ready(&self) -> bool {
        self.conditions().values().all(|condition| condition.severity == Severity::Degraded)
    }

    /// Whether nobody had raised it.
    fn put(&self, name: &str, severity: Severity, detail: String) -> bool {
        let mut raised = self.lock();
        let holders = raised.conditions.entry(name.to_owned()).or_default();
        let is_new = holders.is_empty();
        let holder = self.holder_of(name);
        let since = holders.get(&holder).map_or_else(Utc::now, |condition| condition.since);
        holders.insert(holder, Condition { severity, since, detail });
        is_new
    }

    fn holder_of(&self, name: &str) -> u64 {
        if name.contains(':') { 0 } else { self.holder }
    }

    fn lock(&self) -> MutexGuard<'_, Raised> {
        // Every change keeps the map valid, so it is valid if a thread panics.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worst that any holder says, since the first of them said it.
fn together(holders: &BTreeMap<u64, Condition>) -> Option<Condition> {
    let worst = holders.values().min_by_key(|condition| (condition.severity, condition.since))?;
    let since = holders.values().map(|condition| condition.since).min()?;
    Some(Condition { since, ..worst.clone() })
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

    #[test]
    fn a_condition_holds_until_the_last_who_raised_it_clears_it() {
        let readiness = Readiness::default();
        let (one, other) = (readiness.source(), readiness.source());
        one.raise(POSTGRES, Severity::Degraded, "one");
        other.raise(POSTGRES, Severity::Unready, "other");
        assert_eq!(readiness.conditions()[POSTGRES].detail, "other", "the worst is told");
        readiness.clear(POSTGRES);
        other.clear(POSTGRES);
        assert_eq!(readiness.conditions()[POSTGRES].detail, "one");
        one.clear(POSTGRES);
        assert!(readiness.conditions().is_empty());
    }

    #[test]
    fn a_partition_has_its_conditions_whoever_raises_them() {
        let readiness = Readiness::default();
        for partition in 0..2 {
            readiness.source().raise(&log_guard("orders", partition), Severity::Unready, "lost");
        }
        assert_eq!(readiness.counts(), [(("log_guard".to_owned(), Severity::Unready), 2)].into());
        readiness.source().clear(&log_guard("orders", 1));
        readiness.source().clear(&log_guard("orders", 0));
        assert!(readiness.is_ready());
    }
}
