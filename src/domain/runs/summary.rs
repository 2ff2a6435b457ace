//! The canonical run summary, and how a payload deviates from it.
//!
//! Drift is reported, never repaired: the payload is published as it came.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{ValidationError, Validator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::run::Run;
use super::status::completed_summary;

/// The canonical summary as JSON Schema, for tools and documentation.
pub const SCHEMA: &str = include_str!("../../../schemas/run-summary.schema.json");

/// Maximum fields reported for a payload; if there are more, the first by name.
pub const DRIFTS_MAX: usize = 100;
/// A longer path is cut: an unknown field's name can be anything that a publisher wrote.
pub const FIELD_CHARS_MAX: usize = 200;
/// Summaries with more values than this are checked in part: the first `ENTRIES_MAX` entries of every list.
const VALUES_MAX: usize = 20_000;
const ENTRIES_MAX: usize = 100;

/// How a field of a payload deviates from the canonical summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// Path of the field, such as `alertsDigest[].reasons`.
    pub field: String,
    pub problem: DriftProblem,
}

/// How a field deviates from schemas/run-summary.schema.json.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftProblem {
    UnknownField,
    WrongType,
}

impl Drift {
    /// The field's metric label: a known field's top-level name, `other` for an unknown field.
    pub fn label(&self) -> &str {
        match self.problem {
            DriftProblem::UnknownField => "other",
            DriftProblem::WrongType => self.field.split(['.', '[']).next().unwrap_or("other"),
        }
    }

    /// `[{"field","problem"}]`, as stored in the `drift` column.
    pub fn to_json(drifts: &[Drift]) -> Value {
        drifts.iter().map(|drift| json!({"field": drift.field, "problem": drift.problem.as_str()})).collect()
    }
}

impl DriftProblem {
    pub fn as_str(self) -> &'static str {
        match self {
            DriftProblem::UnknownField => "unknown_field",
            DriftProblem::WrongType => "wrong_type",
        }
    }
}

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    // The schema is compiled in and a test builds it, so it can't be invalid at run time.
    #[allow(clippy::expect_used)]
    let validator = serde_json::from_str(SCHEMA)
        .map_err(|error| error.to_string())
        .and_then(|schema| jsonschema::draft202012::new(&schema).map_err(|error| error.to_string()))
        .expect("schemas/run-summary.schema.json is a JSON Schema");
    validator
});

/// How the summary in the run's status payload deviates from the canonical one: sorted field paths, each once.
pub fn drift(run: &Run) -> Vec<Drift> {
    let mut summary = Value::Object(completed_summary(run));
    if VALIDATOR.is_valid(&summary) {
        return Vec::new();
    }
    if more_values_than(&summary, VALUES_MAX) {
        cut_lists(&mut summary);
    }
    let mut found = BTreeMap::new();
    for error in VALIDATOR.iter_errors(&summary) {
        note(&mut found, &error);
    }
    found.into_iter().map(|(field, problem)| Drift { field, problem }).collect()
}

fn note(found: &mut BTreeMap<String, DriftProblem>, error: &ValidationError<'_>) {
    let place = field_path(error.instance_path());
    if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
        for name in unexpected {
            let field = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            keep(found, field, DriftProblem::UnknownField);
        }
    } else {
        keep(found, place, DriftProblem::WrongType);
    }
}

fn keep(found: &mut BTreeMap<String, DriftProblem>, field: String, problem: DriftProblem) {
    let field = match field.char_indices().nth(FIELD_CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &field[..cut]),
        None => field,
    };
    found.entry(field).or_insert(problem);
    if found.len() > DRIFTS_MAX {
        found.pop_last();
    }
}

/// `/alertsDigest/3/reasons` as `alertsDigest[].reasons`. Every segment is a name that the schema knows.
fn field_path(location: &Location) -> String {
    location.segments().fold(String::new(), |path, segment| match segment {
        LocationSegment::Index(_) => path + "[]",
        LocationSegment::Property(name) if path.is_empty() => name.into_owned(),
        LocationSegment::Property(name) => path + "." + &name,
    })
}

fn more_values_than(value: &Value, values_max: usize) -> bool {
    fn count(value: &Value, left: &mut usize) {
        *left = left.saturating_sub(1);
        match value {
            _ if *left == 0 => {}
            Value::Array(entries) => entries.iter().for_each(|entry| count(entry, left)),
            Value::Object(fields) => fields.values().for_each(|field| count(field, left)),
            _ => {}
        }
    }
    let mut left = values_max;
    count(value, &mut left);
    left == 0
}

/// The validator collects every error before it returns the first. A list of a million invalid entries must not take
/// a thousand times its size in memory to report one path.
fn cut_lists(value: &mut Value) {
    match value {
        Value::Array(entries) => {
            entries.truncate(ENTRIES_MAX);
            entries.iter_mut().for_each(cut_lists);
        }
        Value::Object(fields) => fields.values_mut().for_each(cut_lists),
        _ => {}
    }
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
