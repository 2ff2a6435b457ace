//! Why a reader's thread ended before it was told to.

use rdkafka::error::KafkaError;

#[derive(Debug, thiserror::Error)]
pub enum ReaderEnded {
    /// librdkafka's client is dead, such as one that another with the same group.instance.id has fenced.
    #[error(
        "the Kafka consumer failed for good ({0}); check kafka.properties, kafka.group and whether another consumer uses \
         the same group.instance.id"
    )]
    Fatal(KafkaError),
    #[error("the thread that reads Kafka panicked: {0}")]
    Panicked(String),
    #[error("the thread that reads Kafka ended without a word")]
    Silent,
}
