//! What a reader does about errors that stop no single partition.

use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::Reader;
use super::context::lock;
use super::delivery::RecordDecoder;
use super::ended::ReaderEnded;
use crate::domain::log::partition::StreamPartition;

/// How soon to ask for a topic again that the brokers refuse to hand out.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

impl<S: RecordDecoder> Reader<S> {
    /// An error of a whole topic, which librdkafka met at this partition.
    pub(super) fn complain_of_topic(&mut self, partition: StreamPartition, error: KafkaError, reason: &str) {
        let is_refused = error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed);
        self.consumer.context().error(error, reason);
        // Told once for each fetch: claiming again shows whether the topic is still refused.
        if is_refused {
            self.claim_again(partition, REFUSED_PAUSE);
        }
    }

    /// The client's context has been told of the error, and knows what it says of the brokers.
    pub(super) fn complain(&mut self, error: &KafkaError) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) || code == RDKafkaErrorCode::Fatal {
            let (code, words) = self.consumer.client().fatal_error().unwrap_or((code, error.to_string()));
            self.fatal = Some(ReaderEnded::Fatal { code, words });
        }
    }

    pub(super) fn claim_again(&self, partition: StreamPartition, pause: Duration) {
        let assignment = lock(&self.state).partitions.get(&partition).map(|assigned| assigned.assignment);
        if let Some(assignment) = assignment {
            self.lose(partition, assignment, pause);
        }
    }
}
