//! librdkafka's settings of our consumers: those that correctness rests on, and those that speed does.

use rdkafka::config::ClientConfig;

use super::client::client_config;
use super::settings::ReaderSettings;

/// Better than librdkafka's own; kafka.properties may say otherwise.
const DEFAULTS: [(&str, &str); 6] = [
    // The default of 1,000 ms halves the rate of every consumer that is slower than its broker.
    ("fetch.queue.backoff.ms", "5"),
    ("fetch.wait.max.ms", "100"),
    ("queued.max.messages.kbytes", "32768"),
    ("queued.min.messages", "20000"),
    ("topic.metadata.refresh.interval.ms", "10000"),
    ("socket.keepalive.enable", "true"),
];
/// Not to be changed: kafka.properties with one of these is refused.
const REQUIRED: [(&str, &str); 7] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("check.crcs", "true"),
    ("enable.partition.eof", "false"),
    ("allow.auto.create.topics", "false"),
];

/// Settings of a consumer that reads from explicit positions.
pub fn consumer_config(settings: &ReaderSettings) -> ClientConfig {
    let mut config = client_config(&settings.kafka);
    for (name, value) in DEFAULTS {
        if !settings.kafka.properties.contains_key(name) {
            config.set(name, value);
        }
    }
    for (name, value) in REQUIRED {
        config.set(name, value);
    }
    config.set("group.id", &settings.kafka.group);
    config
}

/// Settings of a member of the consumer group.
pub fn group_config(settings: &ReaderSettings) -> ClientConfig {
    let mut config = consumer_config(settings);
    let protocol = settings.kafka.properties.get("group.protocol");
    if protocol.is_none_or(|protocol| protocol.expose() != "consumer") {
        config.set("partition.assignment.strategy", "cooperative-sticky");
    }
    config.set("statistics.interval.ms", "1000");
    config
}
