//! librdkafka settings shared by all our clients.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::config::kafka::Kafka;

pub(super) const GROUP_INSTANCE_ID: &str = "group.instance.id";

/// Brokers and the operator's properties (TLS, SASL). Each client then sets what correctness depends on.
pub fn client_config(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    // Only members of the group are static ones: see `reader_config`.
    for (name, value) in kafka.properties.iter().filter(|(name, _)| *name != GROUP_INSTANCE_ID) {
        config.set(name, value.expose());
    }
    config.set("bootstrap.servers", &kafka.brokers);
    // What closes a connection is told at this level, and only there.
    config.set_log_level(RDKafkaLogLevel::Info);
    config
}

/// Drops a client without waiting: its threads take a tenth of a second to end.
pub(super) fn let_go(client: impl Send + 'static) {
    tokio::task::spawn_blocking(move || drop(client));
}
