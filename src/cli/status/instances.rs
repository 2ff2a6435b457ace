//! What `foldback status` says of the instances: the same as their /readyz.

use serde_json::{Value, json};

use crate::cli::output::plain;
use crate::store::generations::Instance;

const DETAIL_CHARS_MAX: usize = 1000;

pub fn as_json(instances: &[Instance]) -> Value {
    let instance = |it: &Instance| json!({"instance": it.instance, "conditions": it.conditions});
    instances.iter().map(instance).collect()
}

/// Names and values, one per line: how many there are, and what each of them lacks.
pub fn facts(instances: &[Instance]) -> Vec<(&'static str, String)> {
    let unready = instances.iter().filter(|it| lines(it).any(|(severity, _)| severity == "unready")).count();
    let count = match (instances.len(), unready) {
        (0, _) => "none; start `foldback run`".to_owned(),
        (all, 0) => format!("{all} ready"),
        (all, unready) => format!("{all}, of which {unready} not ready"),
    };
    let conditions = instances
        .iter()
        .flat_map(|it| lines(it).map(move |(severity, line)| (severity, format!("{}: {line}", it.instance))));
    let conditions =
        conditions.map(|(severity, line)| (if severity == "unready" { "not ready" } else { "degraded" }, line));
    std::iter::once(("instances", count)).chain(conditions).collect()
}

/// Severity, and the sentence with its name.
fn lines(instance: &Instance) -> impl Iterator<Item = (&str, String)> {
    instance.conditions.as_object().into_iter().flatten().map(|(name, condition)| {
        let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
        (text("severity"), format!("{}: {}", plain(name, DETAIL_CHARS_MAX), plain(text("detail"), DETAIL_CHARS_MAX)))
    })
}
