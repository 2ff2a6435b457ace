//! `publish`: encodes sample events and writes them to the log at a given rate.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::codec::{EncodeError, Framing, Schema, SchemaError, encode_order, encode_run, fingerprint, newest};
use crate::config::Config;
use crate::domain::log::record::Stream;
use crate::domain::timestamp::Timestamp;
use crate::log::producer::{LogProducer, ProduceError};
use crate::log::survey::admin::{DescribeError, describe};
use crate::registry::{RegistryClient, RegistryError, RegistrySetupError};

use super::{Sample, SampleEvent, SampleSettings};
use crate::registry::resolver::settings;
use crate::registry::schemas::subject;

const BROKER_TIMEOUT: Duration = Duration::from_secs(10);
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// Without a rate, events are timed as if at this many per second.
const LIFELIKE_RATE: f64 = 50.0;
/// Maximum sleep, so that a signal is noticed soon.
const NAP_MAX: Duration = Duration::from_millis(100);

/// What `publish` sends, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct FeedSettings {
    /// Events per second; 0: as fast as they can be written.
    pub rate: f64,
    /// 0: until stopped.
    pub count: u64,
    pub seed: u64,
    /// Time of the first event. Without it, the events end now, or start now if there is no end or a rate.
    pub base: Option<Timestamp>,
}

/// How many events were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fed {
    /// Including runs.
    pub events: u64,
    pub runs: u64,
}

/// Why `publish` failed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error("Kafka at {brokers} cannot be reached ({error}); check kafka.brokers and that the brokers are up")]
    Unreachable { brokers: String, error: DescribeError },
    #[error(
        "the topic {0} does not exist: create it with retention.ms=-1 and cleanup.policy=delete, or check its name"
    )]
    NoTopic(String),
    #[error("{0}; check schema_registry.url and that the registry is up")]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    RegistrySetup(#[from] RegistrySetupError),
    #[error("cannot read a bundled schema: {0}")]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error(transparent)]
    Produce(#[from] ProduceError),
    #[error("the publishing thread ended unexpectedly: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

/// How the values of both topics identify their schema.
#[derive(Debug, Clone, Copy)]
struct Framings {
    orders: Framing,
    runs: Framing,
}

/// Publishes until `count` is reached or `stop` is cancelled. `on_progress` is called every few seconds.
pub async fn feed(
    config: &Config,
    feed: FeedSettings,
    stop: CancellationToken,
    on_progress: impl Fn(Fed) + Send + 'static,
) -> Result<Fed, FeedError> {
    topics_are_there(config).await?;
    let framings = framings(config).await?;
    let publisher = Publisher {
        producer: LogProducer::new(&config.kafka)?,
        orders_topic: config.kafka.orders_topic.clone(),
        runs_topic: config.kafka.runs_topic.clone(),
        framings,
    };
    tokio::task::spawn_blocking(move || publisher.publish_all(feed, &stop, on_progress)).await?
}

/// A producer would wait a minute for a missing topic, or create it with the broker's default retention.
async fn topics_are_there(config: &Config) -> Result<(), FeedError> {
    let kafka = &config.kafka;
    let described = describe(kafka, &[&kafka.orders_topic, &kafka.runs_topic], BROKER_TIMEOUT).await;
    let cluster = described.map_err(|error| FeedError::Unreachable { brokers: kafka.brokers.clone(), error })?;
    match cluster.topics.into_iter().find(|topic| topic.partitions == 0) {
        Some(topic) => Err(FeedError::NoTopic(topic.name)),
        None => Ok(()),
    }
}

async fn framings(config: &Config) -> Result<Framings, FeedError> {
    let client = RegistryClient::new(&settings(config))?;
    Ok(Framings {
        orders: framing(&client, Stream::Orders, &config.kafka.orders_topic).await?,
        runs: framing(&client, Stream::Runs, &config.kafka.runs_topic).await?,
    })
}

/// Confluent's framing with the registry's id, or single-object encoding if there is no registry.
async fn framing(client: &RegistryClient, stream: Stream, topic: &str) -> Result<Framing, FeedError> {
    let json = newest(stream).map_or("", |bundled| bundled.json);
    if client.is_configured() {
        return Ok(Framing::Confluent(client.register(&subject(topic), json).await?));
    }
    Ok(Framing::SingleObject(fingerprint(&Schema::parse(json)?)))
}

struct Publisher {
    producer: LogProducer,
    orders_topic: String,
    runs_topic: String,
    framings: Framings,
}

impl Publisher {
    fn publish_all(
        &self,
        feed: FeedSettings,
        stop: &CancellationToken,
        on_progress: impl Fn(Fed),
    ) -> Result<Fed, FeedError> {
        let (started, mut reported) = (Instant::now(), Instant::now());
        let mut fed = Fed::default();
        for event in Sample::new(sample_settings(feed, Timestamp::from_datetime(chrono::Utc::now()))) {
            if (feed.count > 0 && fed.events >= feed.count) || !wait_for_turn(started, fed.events, feed.rate, stop) {
                break;
            }
            self.send(&event)?;
            fed.events += 1;
            fed.runs += u64::from(matches!(event, SampleEvent::Run(_)));
            if reported.elapsed() >= PROGRESS_EVERY {
                reported = Instant::now();
                on_progress(fed);
            }
        }
        self.producer.flush()?;
        Ok(fed)
    }

    fn send(&self, event: &SampleEvent) -> Result<(), FeedError> {
        match event {
            SampleEvent::Order(event) => {
                let value = encode_order(event, self.framings.orders)?;
                self.producer.send(&self.orders_topic, &event.provider_order_id.to_string(), &value)?;
            }
            SampleEvent::Run(run) => {
                let value = encode_run(run, self.framings.runs)?;
                self.producer.send(&self.runs_topic, &run.run_id.to_string(), &value)?;
            }
        }
        Ok(())
    }
}

/// Waits until the event is due at that rate. Returns `false` once stopped.
fn wait_for_turn(started: Instant, number: u64, rate: f64, stop: &CancellationToken) -> bool {
    if rate > 0.0 {
        let due = Duration::try_from_secs_f64(number as f64 / rate).unwrap_or(Duration::MAX);
        while let Some(left) = due.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
            if stop.is_cancelled() {
                return false;
            }
            std::thread::sleep(left.min(NAP_MAX));
        }
    }
    !stop.is_cancelled()
}

/// With a rate, events are timed to keep pace with the clock; without one, they are in the past.
fn sample_settings(feed: FeedSettings, now: Timestamp) -> SampleSettings {
    let rate = if feed.rate > 0.0 { feed.rate } else { LIFELIKE_RATE };
    // Saturates, far beyond any allowed rate.
    let step_micros = ((1e6 / rate) as i64).max(1);
    let span = if feed.rate > 0.0 { 0 } else { i64::try_from(feed.count).unwrap_or(i64::MAX) };
    let first = now.micros().saturating_sub(span.saturating_mul(step_micros));
    let base = feed.base.or_else(|| Timestamp::from_micros(first)).unwrap_or(now);
    SampleSettings { seed: feed.seed, base, step_micros }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rate: f64, count: u64) -> (i64, i64) {
        let now = Timestamp::from_micros(1_700_000_000_000_000).unwrap();
        let settings = sample_settings(FeedSettings { rate, count, seed: 1, base: None }, now);
        (now.micros() - settings.base.micros(), settings.step_micros)
    }

    #[test]
    fn events_keep_step_with_the_clock_or_lie_behind_it() {
        assert_eq!(at(200.0, 0), (0, 5_000));
        assert_eq!(at(200.0, 1_000), (0, 5_000));
        assert_eq!(at(0.0, 1_000), (20_000_000, 20_000));
        assert_eq!(at(0.0, 0), (0, 20_000));
        assert_eq!(at(1e12, 0), (0, 1));
    }
}
