//! librdkafka's settings: those that correctness rests on, and those that speed does.

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};

use super::settings::ReaderSettings;

/// Settings of a consumer that fetches by explicit positions; they can't be overridden.
pub fn client_config(settings: &ReaderSettings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        // The default of 1,000 ms halves the rate of every consumer that is slower than its broker.
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.max.messages.kbytes", "32768")
        .set("queued.min.messages", "20000")
        .set("fetch.wait.max.ms", "100")
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("socket.keepalive.enable", "true");
    for (name, value) in &settings.properties {
        config.set(name, value.expose());
    }
    config
        .set("bootstrap.servers", &settings.brokers)
        .set("group.id", &settings.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("enable.partition.eof", "false")
        .set("allow.auto.create.topics", "false");
    config.set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// Settings of a member of the consumer group.
pub fn group_config(settings: &ReaderSettings) -> ClientConfig {
    let mut config = client_config(settings);
    let new_protocol = settings.properties.get("group.protocol").is_some_and(|value| value.expose() == "consumer");
    if !new_protocol {
        config.set("partition.assignment.strategy", "cooperative-sticky");
    }
    config.set("statistics.interval.ms", "1000");
    config
}
