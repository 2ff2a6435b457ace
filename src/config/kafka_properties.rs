//! `[kafka.properties]`: librdkafka's own settings, except those that correctness depends on.

use std::collections::BTreeMap;

use toml::Value;

use super::kafka_property::{self, PREFIX};
use super::secret::HIDDEN;
use super::values::{Given, Values};
use super::{ConfigError, Secret};

/// Settings that foldback controls, and why, or which key to use instead.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", "use kafka.brokers instead"),
    ("metadata.broker.list", "use kafka.brokers instead"),
    ("group.id", "use kafka.group instead"),
    (
        "enable.auto.commit",
        "positions are committed in the transaction that writes the views, never on a timer; remove it",
    ),
    ("enable.auto.offset.store", "positions are kept in Postgres; remove it"),
    ("auto.commit.interval.ms", "nothing is committed on a timer; remove it"),
    ("offset.store.method", "positions are kept in Postgres; remove it"),
    ("offset.store.path", "positions are kept in Postgres; remove it"),
    ("auto.offset.reset", "a lost position must stop the partition, not skip records; remove it"),
    ("topic.auto.offset.reset", "a lost position must stop the partition, not skip records; remove it"),
    ("isolation.level", "only committed records are folded; remove it"),
    ("check.crcs", "checksums are always verified, so that no corrupt record is folded; remove it"),
    ("enable.partition.eof", "foldback tracks its consumers' positions instead; remove it"),
    ("partitioner", "publishers of these topics use murmur2; remove it"),
    ("enable.idempotence", "foldback sets it for its own producer; remove it"),
    ("partition.assignment.strategy", "workers rely on cooperative-sticky; remove it"),
    ("group.remote.assignor", "foldback leaves the choice to the broker; remove it"),
    ("statistics.interval.ms", "foldback reads lag and watermarks itself; remove it"),
    ("allow.auto.create.topics", "topics must be created deliberately, with retention.ms=-1; remove it"),
];

pub(super) fn read(values: &Values) -> Result<BTreeMap<String, Secret>, ConfigError> {
    values.below(PREFIX).map(|(name, given)| Ok((name.to_owned(), Secret::new(checked(name, given)?)))).collect()
}

fn checked(name: &str, given: &Given) -> Result<String, ConfigError> {
    if let Some((_, instead)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
        return Err(ConfigError::Reserved { property: name.to_owned(), source_: given.source.clone(), instead });
    }
    let text = text(&given.value).ok_or_else(|| invalid(name, given, "a string, a number or a boolean"))?;
    if name == "group.protocol" && text != "classic" {
        return Err(invalid(name, given, "classic, the only group protocol that foldback supports"));
    }
    Ok(text)
}

/// A value in librdkafka's notation.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Array(_) | Value::Table(_) | Value::Datetime(_) => None,
    }
}

fn invalid(name: &str, given: &Given, allowed: &str) -> ConfigError {
    let value = match text(&given.value) {
        Some(text) => kafka_property::shown(name, &text),
        None => HIDDEN.to_owned(),
    };
    ConfigError::Invalid {
        key: format!("{PREFIX}{name}"),
        value,
        source_: given.source.clone(),
        allowed: allowed.to_owned(),
    }
}
