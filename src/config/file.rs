//! The TOML file as a layer of values.

use std::path::Path;

use toml::{Table, Value};

use super::values::Values;
use super::{ConfigError, SECTIONS, Source};

pub(super) fn read(path: &Path) -> Result<Values, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    parse(path, &text)
}

pub(super) fn parse(path: &Path, text: &str) -> Result<Values, ConfigError> {
    let table: Table = text.parse().map_err(|error| syntax(path, text, &error))?;
    let mut values = Values::default();
    flatten("", &table, &Source::File(path.to_owned()), &mut values)?;
    Ok(values)
}

/// Flattens to dotted names: TOML parses `sasl.mechanism = "PLAIN"` as nested tables.
fn flatten(prefix: &str, table: &Table, source: &Source, values: &mut Values) -> Result<(), ConfigError> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) if !inner.is_empty() => flatten(&key, inner, source, values)?,
            Value::Table(_) if is_table(&key) => {}
            other => values.put(key, other.clone(), source.clone())?,
        }
    }
    Ok(())
}

fn is_table(key: &str) -> bool {
    key == "kafka.properties" || SECTIONS.iter().any(|(section, _)| *section == key)
}

fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
    ConfigError::Syntax { path: path.to_owned(), line, reason: error.message().replace('\n', ", ") }
}
