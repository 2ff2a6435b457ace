//! Writes records as publishers do, and tells when and where each arrived.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};

use crate::Result;

const FULL_PAUSE: Duration = Duration::from_millis(2);
const FLUSH_MAX: Duration = Duration::from_secs(120);
const SETTINGS: [(&str, &str); 5] = [
    ("compression.type", "lz4"),
    ("enable.idempotence", "true"),
    ("acks", "all"),
    ("partitioner", "murmur2_random"),
    ("message.timeout.ms", "60000"),
];

/// A record that the log has.
#[derive(Debug, Clone, Copy)]
pub struct Arrived {
    pub partition: i32,
    pub offset: i64,
    /// When it was handed to the client.
    pub sent: Instant,
}

pub struct Producer {
    client: ThreadedProducer<Deliveries>,
}

/// Collects what was delivered of the records that are followed, and the first failure of any.
struct Deliveries {
    started: Instant,
    arrived: Mutex<Vec<Arrived>>,
    failed: Mutex<Option<KafkaError>>,
}

impl Producer {
    /// `linger`: how long the client waits for more, in milliseconds.
    pub fn new(brokers: &str, linger: u32) -> Result<Producer> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("linger.ms", linger.to_string());
        for (name, value) in SETTINGS {
            config.set(name, value);
        }
        let deliveries = Deliveries { started: Instant::now(), arrived: Mutex::default(), failed: Mutex::default() };
        Ok(Producer { client: config.create_with_context(deliveries)? })
    }

    /// Blocks while the client's queue is full. `is_followed`: `take_arrived` tells of it.
    pub fn send(&self, topic: &str, key: &str, value: &[u8], is_followed: bool) -> Result<()> {
        // From 1, so that 0 is left for what isn't followed.
        let since = self.client.context().started.elapsed().as_micros() as usize + 1;
        let opaque = if is_followed { since } else { 0 };
        let mut record = BaseRecord::with_opaque_to(topic, opaque).key(key).payload(value);
        loop {
            match self.client.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    std::thread::sleep(FULL_PAUSE);
                    record = again;
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }

    /// What has arrived since it was last asked.
    pub fn take_arrived(&self) -> Vec<Arrived> {
        std::mem::take(&mut *locked(&self.client.context().arrived))
    }

    /// Blocks until all is written.
    pub fn flush(&self) -> Result<()> {
        self.client.flush(FLUSH_MAX)?;
        match &*locked(&self.client.context().failed) {
            Some(error) => Err(format!("a record was not written: {error}").into()),
            None => Ok(()),
        }
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        match result {
            Ok(message) if opaque > 0 => {
                let sent = self.started + Duration::from_micros(opaque as u64 - 1);
                locked(&self.arrived).push(Arrived { partition: message.partition(), offset: message.offset(), sent });
            }
            Ok(_) => {}
            Err((error, _)) => drop(locked(&self.failed).get_or_insert(error.clone())),
        }
    }
}

/// The data is valid after each step, so a poisoned lock is fine.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
