//! `[kafka]`: where and what the log is.

use std::collections::BTreeMap;

use super::values::Values;
use super::{ConfigError, Key, Kind, Preset, Secret, kafka_properties};
use crate::domain::log::record::Topics;

const BROKERS: Key = Key::text(
    "kafka.brokers",
    Kind::Brokers,
    Preset::Text("localhost:9092"),
    "Bootstrap brokers, from which clients learn about the rest of the cluster.",
);
const GROUP: Key = Key::text(
    "kafka.group",
    Kind::Text { chars_max: 249 },
    Preset::Text("foldback"),
    "Consumer group. All processes that share a Postgres database must be in one group.",
);
const ORDERS_TOPIC: Key = Key::text(
    "kafka.orders_topic",
    Kind::Topic,
    Preset::Text("provider-orders"),
    "Topic of the provider-order events.",
);
const RUNS_TOPIC: Key =
    Key::text("kafka.runs_topic", Kind::Topic, Preset::Text("automation-runs"), "Topic of the automation-run events.");
const PROPERTIES: Key = Key::text(
    "kafka.properties",
    Kind::Properties,
    Preset::Unset,
    "Any librdkafka setting, for TLS, SASL and tuning. In the name of an environment variable, `_` stands for `.`: \
     FOLDBACK__KAFKA__PROPERTIES__SASL_MECHANISM sets sasl.mechanism. Settings that correctness depends on are \
     refused.",
);

pub const KEYS: &[Key] = &[BROKERS, GROUP, ORDERS_TOPIC, RUNS_TOPIC, PROPERTIES];

/// How to reach the brokers, and which topics to fold.
#[derive(Debug, Clone)]
pub struct Kafka {
    /// `host:port,host:port`, as librdkafka's bootstrap.servers takes it.
    pub brokers: String,
    pub group: String,
    pub orders_topic: String,
    pub runs_topic: String,
    /// librdkafka settings by their own names, without those that foldback sets itself.
    pub properties: BTreeMap<String, Secret>,
}

impl Kafka {
    /// The two topics that are folded.
    pub fn topics(&self) -> Topics {
        Topics { orders: self.orders_topic.clone(), runs: self.runs_topic.clone() }
    }

    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let kafka = Self {
            brokers: values.text(&BROKERS)?,
            group: values.text(&GROUP)?,
            orders_topic: values.text(&ORDERS_TOPIC)?,
            runs_topic: values.text(&RUNS_TOPIC)?,
            properties: kafka_properties::read(values)?,
        };
        if kafka.orders_topic == kafka.runs_topic {
            return Err(values.invalid(&RUNS_TOPIC, "a different topic from kafka.orders_topic"));
        }
        Ok(kafka)
    }
}
