//! The effective settings, as TOML that is safe to share.

use serde::Serialize;
use toml::Value;

use super::secret::quoted;
use super::{Config, Key, Kind, Preset, SECTIONS, Secret, Source, kafka_property};

/// A setting's effective value.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct Setting {
    pub key: String,
    /// `None` if it isn't set. Only the address of a URL; nothing of a password.
    pub value: Option<Value>,
    pub source: String,
}

impl Config {
    /// Every key with its value and source, without secrets.
    pub fn settings(&self) -> Vec<Setting> {
        let named = SECTIONS.iter().flat_map(|(_, keys)| keys.iter());
        named.flat_map(|key| if is_table(key) { self.properties() } else { vec![self.setting(key)] }).collect()
    }

    /// The same as a TOML file, each line with its source.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for (section, _) in SECTIONS {
            text.push_str(&format!("[{section}]\n"));
            let prefix = format!("{section}.");
            for setting in self.settings().iter().filter(|setting| setting.key.starts_with(&prefix)) {
                text.push_str(&line(&setting.key[prefix.len()..], setting));
            }
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    /// Whether nobody set this key.
    pub fn is_preset(&self, key: &str) -> bool {
        self.values.given(key).is_none()
    }

    fn setting(&self, key: &Key) -> Setting {
        let source = self.values.source(key);
        let given = self.values.given(key.name).map(|given| &given.value);
        let value = given.cloned().or_else(|| preset(key.preset)).map(|value| seen(key, value));
        let source = if value.is_none() { "not set".to_owned() } else { source.to_string() };
        Setting { key: key.name.to_owned(), value, source }
    }

    fn properties(&self) -> Vec<Setting> {
        let source = |name: &str| {
            self.values.given(&format!("kafka.properties.{name}")).map_or(Source::Default, |given| given.source.clone())
        };
        let value = |name: &str, value: &Secret| Value::String(kafka_property::shown(name, value.expose()));
        self.kafka
            .properties
            .iter()
            .map(|(name, text)| Setting {
                key: format!("kafka.properties.{name}"),
                value: Some(value(name, text)),
                source: source(name).to_string(),
            })
            .collect()
    }
}

fn is_table(key: &Key) -> bool {
    matches!(key.kind, Kind::Properties)
}

fn seen(key: &Key, value: Value) -> Value {
    match (key.is_secret(), value) {
        (true, Value::String(url)) => Value::String(Secret::new(url).address()),
        (false, Value::String(text)) if matches!(key.kind, Kind::Number { .. }) => {
            text.trim().parse().map_or(Value::String(text), Value::Integer)
        }
        (_, Value::String(text)) => Value::String(quoted(&text)),
        (_, value) => value,
    }
}

fn preset(preset: Preset) -> Option<Value> {
    match preset {
        Preset::Text(text) => Some(Value::String(text.to_owned())),
        Preset::Number(_) | Preset::Cores { .. } => {
            i64::try_from(super::values::preset_number(preset)).ok().map(Value::Integer)
        }
        Preset::Unset => None,
    }
}

fn line(name: &str, setting: &Setting) -> String {
    let name = match name.strip_prefix("properties.") {
        Some(property) => format!("properties.\"{property}\""),
        None => name.to_owned(),
    };
    match &setting.value {
        Some(value) => format!("{name} = {value} # {}\n", setting.source),
        None => format!("# {name} is not set\n"),
    }
}
