//! librdkafka's settings of our consumers: those that correctness rests on, and those that speed does.

use rdkafka::config::ClientConfig;

use super::client::client_config;
use super::settings::{Assignment, ReaderSettings};
use crate::config::kafka::Kafka;

/// Better than librdkafka's own; kafka.properties may say otherwise.
const DEFAULTS: [(&str, &str); 5] = [
    // The default of 1,000 ms halves the rate of every consumer that is slower than its broker.
    ("fetch.queue.backoff.ms", "5"),
    ("fetch.wait.max.ms", "100"),
    ("queued.min.messages", "20000"),
    ("topic.metadata.refresh.interval.ms", "10000"),
    ("socket.keepalive.enable", "true"),
];
/// What is read ahead, unless a reader's settings say otherwise.
const QUEUE_KBYTES: usize = 32 * 1024;
/// At least so many answers of a broker fit into what is read ahead: an answer is taken whole, however full the queue is
/// then, and is several times as large once it is unpacked.
const ANSWERS_MIN: usize = 4;
/// What librdkafka takes for a broker's answer at least.
const ANSWER_BYTES_MIN: usize = 1_000_000;
const ANSWER_BYTES_MAX: usize = 50 * 1024 * 1024;
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
pub fn consumer_config(kafka: &Kafka, queue_kbytes: Option<usize>) -> ClientConfig {
    let mut config = client_config(kafka);
    let kbytes = queue_kbytes.unwrap_or(QUEUE_KBYTES);
    let answer = (kbytes * 1024 / ANSWERS_MIN).clamp(ANSWER_BYTES_MIN, ANSWER_BYTES_MAX).to_string();
    let kbytes = kbytes.to_string();
    let bounds = [("queued.max.messages.kbytes", kbytes.as_str()), ("fetch.max.bytes", answer.as_str())];
    for (name, value) in DEFAULTS.into_iter().chain(bounds) {
        if !kafka.properties.contains_key(name) {
            config.set(name, value);
        }
    }
    for (name, value) in REQUIRED {
        config.set(name, value);
    }
    config.set("group.id", &kafka.group);
    config
}

/// Settings of a reader's consumer, a member of the consumer group or not.
pub fn reader_config(settings: &ReaderSettings) -> ClientConfig {
    let mut config = consumer_config(&settings.kafka, settings.kafka_queue_kbytes);
    let protocol = settings.kafka.properties.get("group.protocol");
    let cooperative = protocol.is_none_or(|protocol| protocol.expose() != "consumer");
    if settings.assignment == Assignment::Group && cooperative {
        config.set("partition.assignment.strategy", "cooperative-sticky");
    }
    config.set("statistics.interval.ms", "1000");
    config
}
