//! What librdkafka objects to in `kafka.properties`.

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::client::client_config;
use crate::config::Secret;
use crate::config::kafka::Kafka;

const OAUTHBEARER: &str = "OAUTHBEARER";
const UNSECURED_TOKENS: &str = "enable.sasl.oauthbearer.unsecure.jwt";

/// Why no client can be made with these settings. Never contains a value: it may be a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("kafka.properties: this build of librdkafka has no setting {name}; check its name")]
    Unknown { name: String },
    #[error("kafka.properties: librdkafka refuses the value of {name}{}", quoted(.why))]
    Invalid { name: String, why: Option<String> },
    /// librdkafka's own words, which name settings but quote none of their values.
    #[error("kafka.properties: {0}")]
    Together(String),
    #[error(
        "kafka.properties: sasl.mechanism OAUTHBEARER needs a token, and this build of foldback can't fetch one (OIDC); \
         use SCRAM-SHA-512, PLAIN or client certificates"
    )]
    NoToken,
}

fn quoted(why: &Option<String>) -> String {
    why.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
}

/// Checks the settings without connecting: first each, then all of them together (mechanisms, certificates, ranges).
pub fn check_settings(kafka: &Kafka) -> Result<(), SettingsError> {
    for (name, value) in &kafka.properties {
        check_one(name, value)?;
    }
    let is_set = |name: &str, wanted: &str| kafka.properties.get(name).is_some_and(|value| value.expose() == wanted);
    let is_bearer = is_set("sasl.mechanism", OAUTHBEARER) || is_set("sasl.mechanisms", OAUTHBEARER);
    if is_bearer && !is_set(UNSECURED_TOKENS, "true") {
        return Err(SettingsError::NoToken);
    }
    let mut config = client_config(kafka);
    // A client that knows no broker connects to none.
    config.remove("bootstrap.servers");
    config.set("group.id", &kafka.group);
    match config.create::<BaseConsumer>() {
        Ok(_) => Ok(()),
        Err(error) => Err(told(error)),
    }
}

fn check_one(name: &str, value: &Secret) -> Result<(), SettingsError> {
    let mut one = ClientConfig::new();
    one.set(name, value.expose());
    one.create_native_config().map(drop).map_err(told)
}

fn told(error: KafkaError) -> SettingsError {
    match error {
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, _, name, _) => SettingsError::Unknown { name },
        KafkaError::ClientConfig(_, why, name, value) => {
            let is_safe = !value.is_empty() && !why.contains(&value);
            SettingsError::Invalid { name, why: is_safe.then_some(why) }
        }
        KafkaError::ClientCreation(why) => SettingsError::Together(why),
        other => SettingsError::Together(other.to_string()),
    }
}
