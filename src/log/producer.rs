//! Kafka producer for sample events: idempotent, acknowledged by all replicas, partitioned like the Java client.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use tracing::debug;

use crate::config::kafka::Kafka;

/// How long the queue may stay full, that is, how long the brokers may accept nothing.
const FULL_MAX: Duration = Duration::from_secs(60);
const FULL_PAUSE: Duration = Duration::from_millis(5);
const FLUSH_MAX: Duration = Duration::from_secs(60);

/// Why sample events could not be written to Kafka.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    #[error("cannot create the Kafka producer: {0}; check kafka.properties")]
    Setup(KafkaError),
    #[error("Kafka accepted no record for {} s; check that the brokers are up", FULL_MAX.as_secs())]
    Full,
    #[error("cannot send a record to {topic}: {error}")]
    Send { topic: String, error: KafkaError },
    #[error("{count} records were not written to Kafka, the first of them to {topic}: {error}")]
    Undelivered { count: u64, topic: String, error: KafkaError },
    #[error("{left} records are still unacknowledged {} s after the last one was sent: {error}", FLUSH_MAX.as_secs())]
    Flush { left: i32, error: KafkaError },
}

/// A producer. Sending is cheap: librdkafka batches.
pub struct LogProducer {
    producer: ThreadedProducer<Deliveries>,
}

/// Collects delivery reports.
#[derive(Default)]
pub struct Deliveries(Mutex<Option<Failed>>);

struct Failed {
    count: u64,
    topic: String,
    error: KafkaError,
}

impl LogProducer {
    /// Doesn't connect yet.
    pub fn new(kafka: &Kafka) -> Result<LogProducer, ProduceError> {
        let mut config = super::client::client_config(kafka);
        let presets = [("compression.type", "lz4"), ("linger.ms", "20"), ("message.timeout.ms", "60000")];
        for (name, value) in presets {
            if !kafka.properties.contains_key(name) {
                config.set(name, value);
            }
        }
        config.set("enable.idempotence", "true").set("acks", "all").set("partitioner", "murmur2_random");
        let producer = config.create_with_context(Deliveries::default()).map_err(ProduceError::Setup)?;
        Ok(LogProducer { producer })
    }

    /// Queues a record; blocks while the queue is full. Fails once an earlier record could not be written.
    pub fn send(&self, topic: &str, key: &str, value: &[u8]) -> Result<(), ProduceError> {
        self.delivered()?;
        let mut record = BaseRecord::to(topic).key(key).payload(value);
        let mut full_since = None;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    if full_since.get_or_insert_with(Instant::now).elapsed() > FULL_MAX {
                        return Err(ProduceError::Full);
                    }
                    std::thread::sleep(FULL_PAUSE);
                    record = again;
                }
                Err((error, _)) => return Err(ProduceError::Send { topic: topic.to_owned(), error }),
            }
        }
    }

    /// Blocks until everything is written.
    pub fn flush(&self) -> Result<(), ProduceError> {
        let flushed = self.producer.flush(FLUSH_MAX);
        self.delivered()?;
        flushed.map_err(|error| ProduceError::Flush { left: self.producer.in_flight_count(), error })
    }

    fn delivered(&self) -> Result<(), ProduceError> {
        match &*self.producer.context().failed() {
            None => Ok(()),
            Some(Failed { count, topic, error }) => {
                Err(ProduceError::Undelivered { count: *count, topic: topic.clone(), error: error.clone() })
            }
        }
    }
}

impl Deliveries {
    fn failed(&self) -> std::sync::MutexGuard<'_, Option<Failed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Deliveries {
    /// Errors that matter are also reported for a record.
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(facility, "librdkafka: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, "Kafka: {reason}");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let mut failed = self.failed();
            let first = || Failed { count: 0, topic: message.topic().to_owned(), error: error.clone() };
            failed.get_or_insert_with(first).count += 1;
        }
    }
}
