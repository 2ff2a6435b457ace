//! librdkafka settings of our consumers: for correctness, and for speed.

use rdkafka::config::ClientConfig;

use super::settings::{PartitionSource, ReaderSettings};
use crate::config::kafka::Kafka;
use crate::log::client::{GROUP_INSTANCE_ID, client_config};

/// Better defaults than librdkafka's own; kafka.properties overrides them.
const DEFAULTS: [(&str, &str); 5] = [
    // The default of 1,000 ms halves the rate of any consumer that is slower than its broker.
    ("fetch.queue.backoff.ms", "5"),
    ("fetch.wait.max.ms", "100"),
    ("queued.min.messages", "20000"),
    ("topic.metadata.refresh.interval.ms", "10000"),
    ("socket.keepalive.enable", "true"),
];
/// How much to prefetch, unless a reader's settings say otherwise.
const QUEUE_KBYTES: usize = 32 * 1024;
/// The prefetch queue has room for at least this many fetch responses: a response is taken as a whole, however full the
/// queue is, and is several times as large once it is decompressed.
const ANSWERS_MIN: usize = 4;
/// librdkafka's minimum for the size of a fetch response.
const ANSWER_BYTES_MIN: usize = 1_000_000;
const ANSWER_BYTES_MAX: usize = 50 * 1024 * 1024;
/// A batch is received as a whole, however large its topic allows it to be (message.max.bytes); librdkafka would drop the
/// connection at 100 MB, again and again. Below what the first bytes of a TLS alert or an HTTP answer would mean.
const RECEIVE_BYTES_MAX: &str = "300000000";
/// Fixed settings: kafka.properties must not contain them.
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
    // With an answer size of the operator's, librdkafka finds the other one itself.
    if !["receive.message.max.bytes", "fetch.max.bytes"].iter().any(|name| kafka.properties.contains_key(*name)) {
        config.set("receive.message.max.bytes", RECEIVE_BYTES_MAX);
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
    if settings.source == PartitionSource::Group {
        config.set("partition.assignment.strategy", "cooperative-sticky");
        if let Some(id) = settings.kafka.properties.get(GROUP_INSTANCE_ID) {
            config.set(GROUP_INSTANCE_ID, id.expose());
        }
    }
    config.set("statistics.interval.ms", "1000");
    config
}
