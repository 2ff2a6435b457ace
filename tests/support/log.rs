//! Writes records to a stack's topic of orders.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::support::Stack;
use crate::support::events::Event;

pub struct Log {
    producer: FutureProducer,
    topic: String,
}

impl Log {
    pub fn of(stack: &Stack) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &stack.servers.kafka).set("enable.idempotence", "true").set("linger.ms", "2");
        Self { producer: config.create().expect("a producer"), topic: stack.orders_topic.clone() }
    }

    /// Writes them in single-object encoding, an order's into one partition of `partitions`.
    pub async fn write(&self, events: &[Event], partitions: i32) {
        let partition = |event: &Event| i32::from(event.order.as_bytes()[15]) % partitions;
        self.write_to(events.iter().map(|event| (partition(event), event.clone())).collect()).await;
    }

    /// Writes each to its partition; when it returns all are in the log.
    pub async fn write_to(&self, events: Vec<(i32, Event)>) {
        let records = events.iter().map(|(at, event)| (*at, event.order.to_string(), event.single_object())).collect();
        self.write_raw(records).await;
    }

    /// Writes (partition, key, value); the offsets, in the same order.
    pub async fn write_raw(&self, records: Vec<(i32, String, Vec<u8>)>) -> Vec<i64> {
        let mut sent = Vec::new();
        for (partition, key, value) in &records {
            let record = FutureRecord::to(&self.topic).partition(*partition).key(key).payload(value);
            sent.push(self.producer.send_result(record).map_err(|(error, _)| error).expect("there is room to send"));
        }
        let mut offsets = Vec::new();
        for delivery in sent {
            offsets.push(delivery.await.unwrap().map_err(|(error, _)| error).expect("delivered").offset);
        }
        offsets
    }
}

/// Seeded, so that a failure can be seen again.
pub struct Moments(StdRng);

impl Moments {
    /// FOLDBACK_TEST_SEED is added to every seed.
    pub fn seeded(seed: u64) -> Self {
        let more = std::env::var("FOLDBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
        Self(StdRng::seed_from_u64(seed.wrapping_add(more)))
    }

    pub fn between_ms(&mut self, min: u64, max: u64) -> Duration {
        Duration::from_millis(self.0.random_range(min..max))
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }
}
