//! Why a reader's thread ended before it was told to.

use rdkafka::error::RDKafkaErrorCode;

#[derive(Debug, Clone, thiserror::Error)]
pub enum ReaderEnded {
    /// librdkafka's client is dead, and in its own words why.
    #[error("the Kafka consumer failed for good: {words} ({code}); {}", remedy(*.code))]
    Fatal { code: RDKafkaErrorCode, words: String },
    #[error("the thread that reads Kafka panicked: {0}")]
    Panicked(String),
    #[error("the thread that reads Kafka ended without a word")]
    Silent,
}

fn remedy(code: RDKafkaErrorCode) -> &'static str {
    match code {
        RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::UnreleasedInstanceId => {
            "another process has joined the group with the same group.instance.id: give each process one of its own in \
             kafka.properties"
        }
        _ => "check kafka.properties and kafka.group",
    }
}
