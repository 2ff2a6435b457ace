//! Parses the JSON objects that a run carries as text.

use serde_json::{Map, Value};

use super::Invalid;
use super::json_bounds::objection;

/// Numbers keep every digit. Of two equal keys, the last one stands, as in Postgres.
pub fn json_object(name: &str, text: &str) -> Result<Map<String, Value>, Invalid> {
    // Before it is parsed: what is deeper or larger is not even built.
    if let Some(objection) = objection(text) {
        return Err(Invalid(format!("{name} {objection}")));
    }
    let object: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| Invalid(format!("{name} is not a JSON object: {}", without_content(&error))))?;
    if object.iter().any(|(key, value)| has_nul(key) || value_has_nul(value)) {
        return Err(Invalid(format!("{name} contains U+0000, which Postgres cannot store")));
    }
    Ok(object)
}

fn without_content(error: &serde_json::Error) -> String {
    format!("{:?} error in line {}, column {}", error.classify(), error.line(), error.column()).to_lowercase()
}

fn has_nul(text: &str) -> bool {
    text.as_bytes().contains(&0)
}

// At most as deep as json_bounds allows.
fn value_has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => has_nul(text),
        Value::Array(items) => items.iter().any(value_has_nul),
        Value::Object(object) => object.iter().any(|(key, value)| has_nul(key) || value_has_nul(value)),
        _ => false,
    }
}
