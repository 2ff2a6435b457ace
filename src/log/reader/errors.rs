//! What a reader does about errors of its client.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::context::lock;
use super::delivery::RecordDecoder;
use super::ended::ReaderEnded;
use super::{RETRY_PAUSE, Reader};
use crate::domain::log::partition::StreamPartition;

/// How soon to ask for a topic again that the brokers refuse to hand out.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

impl<S: RecordDecoder> Reader<S> {
    /// The client has logged the error, and knows what it says of the brokers.
    pub(super) fn complain(&mut self, error: KafkaError) {
        use RDKafkaErrorCode as Code;
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        match (&error, code) {
            (KafkaError::MessageConsumptionFatal(_), _) | (_, Code::Fatal) => {
                let (code, words) = self.consumer.client().fatal_error().unwrap_or((code, error.to_string()));
                self.fatal = Some(ReaderEnded::Fatal { code, words });
            }
            // Some partition's position is not in the log, or its topic was recreated; claiming all of them again shows
            // which one.
            (_, Code::AutoOffsetReset | Code::OffsetOutOfRange) => self.claim_active_again(RETRY_PAUSE),
            // Told once for each fetch: claiming again shows whether the topic is still refused.
            (_, Code::TopicAuthorizationFailed) => self.claim_active_again(REFUSED_PAUSE),
            _ => {}
        }
    }

    fn claim_active_again(&self, pause: Duration) {
        for partition in self.active() {
            self.claim_again(partition, pause);
        }
    }

    pub(super) fn claim_again(&self, partition: StreamPartition, pause: Duration) {
        let assignment = lock(&self.state).partitions.get(&partition).map(|assigned| assigned.assignment);
        if let Some(assignment) = assignment {
            self.lose(partition, assignment, pause);
        }
    }
}
