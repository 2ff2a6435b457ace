//! Where the views differ from what the log gives.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Maximum size of a value that is shown in full, in bytes of JSON: many large values must not exhaust the memory.
const SHOWN_BYTES_MAX: usize = 4_096;
const PART_CHARS: usize = 200;
/// How much of a large value is shown before the first character that differs.
const CONTEXT_CHARS: usize = 40;

/// One row (or value, or series) that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `provider_orders`, `redis:backlog`, `gauge:…`
    pub view: String,
    /// The row's key columns, joined by `/`.
    pub key: String,
    /// The columns that differ. A missing row has every column, with `stored` null; a surplus one with `expected` null.
    pub columns: BTreeMap<String, Differing>,
}

/// A column's value in the views and the one that refolding the log gives, as JSON. Long values are shortened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Differing {
    pub stored: Value,
    pub expected: Value,
}

impl Difference {
    pub fn new(view: impl Into<String>, key: impl Into<String>) -> Difference {
        Difference { view: view.into(), key: key.into(), columns: BTreeMap::new() }
    }

    /// Adds a column. A large value is cut to the part where the two begin to differ, with its size.
    pub fn column(&mut self, name: impl Into<String>, stored: Value, expected: Value) {
        let parts = parts(&text(&stored), &text(&expected));
        let differing = Differing { stored: parts.0.unwrap_or(stored), expected: parts.1.unwrap_or(expected) };
        self.columns.insert(name.into(), differing);
    }
}

fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        value => Cow::Owned(value.to_string()),
    }
}

/// What to show instead of a value that is too large.
fn parts(stored: &str, expected: &str) -> (Option<Value>, Option<Value>) {
    let from = part_from(stored, expected);
    (part(stored, from), part(expected, from))
}

/// Where to start showing two long texts: the character a little before they begin to differ.
pub fn part_from(stored: &str, expected: &str) -> usize {
    let common = stored.chars().zip(expected.chars()).take_while(|(here, there)| here == there).count();
    common.saturating_sub(CONTEXT_CHARS)
}

fn part(text: &str, from: usize) -> Option<Value> {
    if text.len() <= SHOWN_BYTES_MAX {
        return None;
    }
    let before = if from > 0 { "…" } else { "" };
    let part: String = text.chars().skip(from).take(PART_CHARS).collect();
    let after = if text.chars().nth(from + PART_CHARS).is_some() { "…" } else { "" };
    Some(Value::String(format!("{before}{part}{after} ({} bytes)", text.len())))
}

/// Differences found so far: listed up to a limit, counted beyond it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differences {
    named_max: usize,
    pub named: Vec<Difference>,
    /// Number of differences by view, listed or not.
    pub found: BTreeMap<String, u64>,
    /// Whether `found` counts all of them, rather than a lower bound.
    pub is_exact: bool,
}

impl Differences {
    pub fn up_to(named_max: usize) -> Differences {
        Differences { named_max, named: Vec::new(), found: BTreeMap::new(), is_exact: true }
    }

    pub fn is_full(&self) -> bool {
        self.named.len() >= self.named_max
    }

    pub fn add(&mut self, difference: Difference) {
        self.count(&difference.view, 1);
        if !self.is_full() {
            self.named.push(difference);
        }
    }

    /// Counts some without listing them.
    pub fn count(&mut self, view: &str, more: u64) {
        if more > 0 {
            *self.found.entry(view.to_owned()).or_default() += more;
        }
    }

    /// The view has at least this many more differences.
    pub fn count_at_least(&mut self, view: &str, more: u64) {
        self.count(view, more);
        self.is_exact = false;
    }

    /// These differences, followed by `others`, of which as many are listed as the limit allows.
    pub fn then(mut self, others: Differences) -> Differences {
        let room = self.named_max.saturating_sub(self.named.len());
        self.named.extend(others.named.into_iter().take(room));
        others.found.iter().for_each(|(view, count)| self.count(view, *count));
        self.is_exact &= others.is_exact;
        self
    }

    pub fn total(&self) -> u64 {
        self.found.values().sum()
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn beyond_the_bound_differences_are_counted_and_not_named() {
        let mut differences = Differences::up_to(2);
        for key in ["a", "b", "c"] {
            differences.add(Difference::new("replays", key));
        }
        assert!(differences.is_full() && differences.is_exact);
        assert_eq!((differences.named.len(), differences.total()), (2, 3));
        differences.count_at_least("refills", 4);
        assert_eq!((differences.total(), differences.is_exact), (7, false));
        let mut first = Differences::up_to(2);
        first.add(Difference::new("redis:backlog", "k"));
        let both = first.then(differences);
        assert_eq!((both.named.len(), both.total(), both.is_exact), (2, 8, false));
    }

    #[test]
    fn of_a_large_value_the_part_is_shown_that_differs() {
        let mut difference = Difference::new("dead_letters", "t/0/1");
        difference.column("value", json!("x".repeat(10_000)), json!("short"));
        let column = &difference.columns["value"];
        assert_eq!(column.expected, json!("short"));
        assert_eq!(column.stored, json!(format!("{}… (10000 bytes)", "x".repeat(200))));
        let long = |end: &str| json!(format!("{}{end}", "x".repeat(10_000)));
        difference.column("detail", long("here"), long("there"));
        let column = &difference.columns["detail"];
        let part = |end: &str, bytes| json!(format!("…{}{end} ({bytes} bytes)", "x".repeat(40)));
        assert_eq!((&column.stored, &column.expected), (&part("here", 10_004), &part("there", 10_005)));
    }
}
