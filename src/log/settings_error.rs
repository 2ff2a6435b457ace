//! What librdkafka objects to in `kafka.properties`.

use std::fs::{self, File};

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::client::client_config;
use crate::config::Secret;
use crate::config::kafka::Kafka;

const OAUTHBEARER: &str = "OAUTHBEARER";
/// What librdkafka takes if nothing is set.
const MECHANISM_PRESET: &str = "GSSAPI";
const UNSECURED_TOKENS: &str = "enable.sasl.oauthbearer.unsecure.jwt";
/// The SASL mechanisms that librdkafka is built with (ADR 20). It does not tell by itself: built by cmake, it counts GSSAPI
/// among its features without having it.
const BUILT: [&str; 4] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", OAUTHBEARER];
/// Settings that name a file, or perhaps a folder.
const FILES: [&str; 6] = [
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.crl.location",
    "ssl.key.location",
    "ssl.keystore.location",
    "https.ca.location",
];
/// In place of a file: librdkafka looks for the system's.
const PROBE: &str = "probe";

/// Why no client can be made with these settings. Never contains a value that may be a secret.
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
        "kafka.properties: sasl.mechanism {mechanism} is not in this build of foldback{}; set one of {}",
        preset(*.is_preset),
        BUILT.join(", ")
    )]
    Mechanism { mechanism: String, is_preset: bool },
    #[error(
        "kafka.properties: sasl.mechanism OAUTHBEARER needs a token: set sasl.oauthbearer.method to oidc, with \
         sasl.oauthbearer.token.endpoint.url, sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret"
    )]
    NoToken,
    /// Without its path: somebody may have put a key in place of its file's name.
    #[error("kafka.properties: what {name} names can't be read: {why}")]
    File { name: &'static str, why: String },
}

fn preset(is_preset: bool) -> &'static str {
    if is_preset { " (it is what security.protocol SASL takes if none is set)" } else { "" }
}

fn quoted(why: &Option<String>) -> String {
    why.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
}

/// Checks the settings without connecting: first each, then all of them together (mechanisms, certificates, ranges).
pub fn check_settings(kafka: &Kafka) -> Result<(), SettingsError> {
    for (name, value) in &kafka.properties {
        check_one(name, value)?;
    }
    check_mechanism(kafka)?;
    check_files(kafka)?;
    let mut config = client_config(kafka);
    // A client that knows no broker connects to none.
    config.remove("bootstrap.servers");
    config.set("group.id", &kafka.group);
    match config.create::<BaseConsumer>() {
        Ok(_) => Ok(()),
        Err(error) => Err(told(error)),
    }
}

fn check_mechanism(kafka: &Kafka) -> Result<(), SettingsError> {
    let value = |name: &str| kafka.properties.get(name).map(Secret::expose);
    let given = value("sasl.mechanism").or(value("sasl.mechanisms"));
    let is_sasl = value("security.protocol").is_some_and(|protocol| protocol.to_ascii_uppercase().starts_with("SASL"));
    let Some(mechanism) = given.or(is_sasl.then_some(MECHANISM_PRESET)) else { return Ok(()) };
    if !BUILT.contains(&mechanism) {
        return Err(SettingsError::Mechanism { mechanism: mechanism.to_owned(), is_preset: given.is_none() });
    }
    let has_token = value(UNSECURED_TOKENS) == Some("true") || value("sasl.oauthbearer.method") == Some("oidc");
    if mechanism == OAUTHBEARER && !has_token { Err(SettingsError::NoToken) } else { Ok(()) }
}

/// librdkafka gives no reason for a file that it can't read.
fn check_files(kafka: &Kafka) -> Result<(), SettingsError> {
    for name in FILES {
        let Some(path) = kafka.properties.get(name).map(Secret::expose).filter(|path| *path != PROBE) else { continue };
        let found = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => fs::read_dir(path).map(drop),
            Ok(_) => File::open(path).map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = found {
            return Err(SettingsError::File { name, why: error.to_string() });
        }
    }
    Ok(())
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
