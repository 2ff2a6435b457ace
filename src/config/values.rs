//! Untyped keys, with their values and sources.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Value;

use super::http_tokens::{self, HttpTokens};
use super::secret::HIDDEN;
use super::{ConfigError, Flag, Key, Kind, Preset, Secret, Source, kafka_property, keys, suggestion};

/// One layer, or all of them merged.
#[derive(Debug, Clone, Default)]
pub(super) struct Values(BTreeMap<String, Given>);

/// A value and where it came from. Debug hides the value: it may be a secret.
#[derive(Clone)]
pub(super) struct Given {
    pub value: Value,
    pub source: Source,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{HIDDEN} ({})", self.source)
    }
}

impl Values {
    /// Adds a value of a layer. If the key is a secret, a name that ends in `_file` is read from that file.
    pub fn put(&mut self, key: String, value: Value, source: Source) -> Result<(), ConfigError> {
        let (key, given) = match key.strip_suffix("_file").filter(|stem| is_secret(stem)) {
            Some(stem) => (stem.to_owned(), from_file(stem, &value, source)?),
            None if is_known(&key) => (key, Given { value, source }),
            None => return Err(unknown(key, source)),
        };
        match self.0.get(&key) {
            Some(earlier) => Err(ConfigError::Twice { key, first: earlier.source.clone(), second: given.source }),
            None => {
                self.0.insert(key, given);
                Ok(())
            }
        }
    }

    /// Overrides these values by `over`.
    pub fn merge(&mut self, over: Self) {
        self.0.extend(over.0);
    }

    pub fn of_flags(flags: &[Flag]) -> Self {
        let given = |flag: &Flag| Given { value: Value::String(flag.value.clone()), source: Source::Flag(flag.flag) };
        Self(flags.iter().map(|flag| (flag.key.to_owned(), given(flag))).collect())
    }

    pub fn given(&self, key: &str) -> Option<&Given> {
        self.0.get(key)
    }

    /// Source of the key's value.
    pub fn source(&self, key: &Key) -> Source {
        self.given(key.name).map_or(Source::Default, |given| given.source.clone())
    }

    /// The values below `prefix`, without the prefix.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Given)> {
        self.0.iter().filter_map(move |(key, given)| Some((key.strip_prefix(prefix)?, given)))
    }

    /// The error for an invalid value of this key.
    pub fn invalid(&self, key: &Key, allowed: impl ToString) -> ConfigError {
        let value = match self.given(key.name) {
            Some(_) if key.is_secret() => HIDDEN.to_owned(),
            Some(given) => told(&given.value),
            None => "not set".to_owned(),
        };
        ConfigError::Invalid {
            key: key.name.to_owned(),
            value,
            source_: self.source(key),
            allowed: allowed.to_string(),
        }
    }

    pub fn number(&self, key: &Key) -> Result<u64, ConfigError> {
        let Kind::Number { min, max, .. } = key.kind else { return Err(self.invalid(key, key.kind)) };
        let number = match self.given(key.name).map(|given| &given.value) {
            None => Some(preset_number(key.preset)),
            Some(Value::Integer(number)) => u64::try_from(*number).ok(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        number.filter(|number| (min..=max).contains(number)).ok_or_else(|| self.invalid(key, key.kind))
    }

    /// A number, as a size in memory.
    pub fn size(&self, key: &Key) -> Result<usize, ConfigError> {
        usize::try_from(self.number(key)?).map_err(|_| self.invalid(key, key.kind))
    }

    pub fn millis(&self, key: &Key) -> Result<Duration, ConfigError> {
        Ok(Duration::from_millis(self.number(key)?))
    }

    pub fn text(&self, key: &Key) -> Result<String, ConfigError> {
        self.text_if_set(key)?.ok_or_else(|| self.invalid(key, key.kind))
    }

    /// A URL, or `None` if it is not set.
    pub fn secret(&self, key: &Key) -> Result<Option<Secret>, ConfigError> {
        Ok(self.text_if_set(key)?.map(Secret::new))
    }

    /// The tokens, and the file that holds them, unless it is one that can be read only once.
    pub fn tokens(&self, key: &Key) -> Result<Option<HttpTokens>, ConfigError> {
        let Some(text) = self.text_if_set(key)? else { return Ok(None) };
        let tokens = http_tokens::parse(&text).ok_or_else(|| self.invalid(key, key.kind))?;
        let file = match self.source(key) {
            Source::SecretFile { path, .. } if path.is_file() => Some(path),
            _ => None,
        };
        Ok(Some(HttpTokens { tokens, file }))
    }

    pub fn listen(&self, key: &Key) -> Result<SocketAddr, ConfigError> {
        self.text(key)?.parse().map_err(|_| self.invalid(key, key.kind))
    }

    fn text_if_set(&self, key: &Key) -> Result<Option<String>, ConfigError> {
        let text = match (self.given(key.name).map(|given| &given.value), key.preset) {
            (Some(Value::String(text)), _) => text.clone(),
            (Some(_), _) => return Err(self.invalid(key, key.kind)),
            (None, Preset::Text(text)) => text.to_owned(),
            (None, _) => return Ok(None),
        };
        if key.kind.takes(&text) { Ok(Some(text)) } else { Err(self.invalid(key, key.kind)) }
    }
}

/// An `@` may follow a password that has got into the wrong key.
fn told(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains("://") || text.contains('@') => HIDDEN.to_owned(),
        Value::Array(_) | Value::Table(_) => HIDDEN.to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn preset_number(preset: Preset) -> u64 {
    match preset {
        Preset::Number(number) => number,
        Preset::Cores { max } => std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64).min(max),
        Preset::Text(_) | Preset::Unset => 0,
    }
}

fn is_known(key: &str) -> bool {
    kafka_property::name(key).is_some()
        || keys().any(|known| known.name == key && !matches!(known.kind, Kind::Properties))
}

fn is_secret(key: &str) -> bool {
    kafka_property::name(key).is_some_and(kafka_property::is_secret)
        || keys().any(|known| known.name == key && known.is_secret())
}

fn unknown(key: String, source: Source) -> ConfigError {
    let suggestion = suggestion::closest(&key, keys().map(|known| known.name));
    ConfigError::UnknownKey { key, source_: source, suggestion }
}

/// Who names a file and gives its content instead has given a secret.
fn told_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_path = ["/", "./", "../"].iter().any(|start| text.starts_with(start));
    let is_plain = text.chars().all(|char| char.is_alphanumeric() || "/._- ".contains(char));
    if is_path && is_plain { text.into_owned() } else { format!("{HIDDEN}, as it is no plain absolute path,") }
}

fn from_file(key: &str, value: &Value, source: Source) -> Result<Given, ConfigError> {
    let path = PathBuf::from(value.as_str().unwrap_or_default());
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Given {
            value: Value::String(text.trim_end_matches(['\r', '\n']).to_owned()),
            source: Source::SecretFile { path, named_by: Box::new(source) },
        }),
        Err(error) => Err(ConfigError::SecretFile {
            key: format!("{key}_file"),
            source_: source,
            file: told_path(&path),
            reason: error.to_string(),
        }),
    }
}
