//! The librdkafka settings that every client of ours shares.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::config::kafka::Kafka;

/// Brokers and the operator's properties (TLS, SASL); what correctness rests on is set by each client over it.
pub fn client_config(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (name, value) in &kafka.properties {
        config.set(name, value.expose());
    }
    config.set("bootstrap.servers", &kafka.brokers);
    config.set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// Ends a client without waiting for it: its threads take a tenth of a second to end.
pub(super) fn let_go(client: impl Send + 'static) {
    tokio::task::spawn_blocking(move || drop(client));
}
