//! Topics whose log is to be taken as new: positions in the log that was folded before mean nothing in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Names of topics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewLogs(pub BTreeSet<String>);

impl NewLogs {
    pub fn contains(&self, topic: &str) -> bool {
        self.0.contains(topic)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Of a generation's origin.
    pub fn of_origin(origin: &Value) -> NewLogs {
        let names = origin.get("newLog").and_then(Value::as_array).into_iter().flatten();
        NewLogs(names.filter_map(|name| name.as_str().map(str::to_owned)).collect())
    }

    /// Notes them in the origin of a generation that follows the one with the origin `before`, and counts the logs that
    /// each topic has had: generations with the same counts were folded from the same logs.
    pub fn note_in(&self, origin: &mut Value, before: &Value) {
        let mut logs = log_counts(before);
        for topic in &self.0 {
            *logs.entry(topic.clone()).or_default() += 1;
        }
        if !logs.is_empty() {
            origin["logs"] = json!(logs);
        }
        if !self.is_empty() {
            origin["newLog"] = json!(self.0);
        }
    }
}

/// How many logs before the one that a generation was folded from, by topic; topics that never had another are absent.
pub fn log_counts(origin: &Value) -> BTreeMap<String, u64> {
    let counts = origin.get("logs").and_then(Value::as_object).into_iter().flatten();
    counts.filter_map(|(topic, count)| Some((topic.clone(), count.as_u64()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logs_are_counted_from_generation_to_generation() {
        let new = |names: &[&str]| NewLogs(names.iter().map(|name| (*name).to_owned()).collect());
        let origin = |new: &NewLogs, before: &Value| {
            let mut origin = json!({});
            new.note_in(&mut origin, before);
            origin
        };
        let first = origin(&new(&[]), &json!({}));
        assert_eq!(first, json!({}));
        let second = origin(&new(&["o"]), &first);
        assert_eq!(second, json!({"newLog": ["o"], "logs": {"o": 1}}));
        assert_eq!(NewLogs::of_origin(&second), new(&["o"]));
        let third = origin(&new(&[]), &second);
        assert_eq!((NewLogs::of_origin(&third), log_counts(&third)), (new(&[]), log_counts(&second)));
        let fourth = origin(&new(&["o", "r"]), &third);
        assert_eq!(log_counts(&fourth), [("o".to_owned(), 2), ("r".to_owned(), 1)].into());
    }
}
