//! `FOLDBACK__SECTION__KEY` variables as a layer of values.

use toml::Value;

use super::values::Values;
use super::{ConfigError, Source};

const PREFIX: &str = "FOLDBACK__";
const PROPERTIES: &str = "kafka.properties.";

pub(super) fn read(environment: &[(String, String)]) -> Result<Values, ConfigError> {
    let mut values = Values::default();
    for (name, value) in environment {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        values.put(key(path), Value::String(value.clone()), Source::Environment(name.clone()))?;
    }
    Ok(values)
}

/// `KAFKA__PROPERTIES__SASL_MECHANISM` is `kafka.properties.sasl.mechanism`: a variable's name can't contain dots.
fn key(path: &str) -> String {
    let key = path.to_lowercase().replace("__", ".");
    match key.strip_prefix(PROPERTIES) {
        Some(property) => match property.strip_suffix("_file") {
            Some(stem) => format!("{PROPERTIES}{}_file", stem.replace('_', ".")),
            None => format!("{PROPERTIES}{}", property.replace('_', ".")),
        },
        None => key,
    }
}
