//! A log of a load: two topics, written once and read by every measurement.

use std::collections::HashSet;
use std::time::Duration;

use chrono::Utc;
use foldback::codec::{Framing, Schema, encode_order, encode_run, fingerprint, newest};
use foldback::domain::log::record::Stream;
use foldback::domain::timestamp::Timestamp;
use foldback::registry::{RegistryClient, RegistrySettings};
use foldback::samples::SampleEvent;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::Result;
use crate::loads::{LoadKind, SEED, STEP_MICROS};
use crate::producer::Producer;
use crate::report::results::Load;
use crate::servers::Servers;
use crate::settings::Settings;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Two topics that hold events of a load, and the generator that can go on.
pub struct Log {
    pub load: LoadKind,
    pub orders: String,
    pub runs: String,
    pub events: u64,
    pub facts: Load,
    pub rest: Box<dyn Iterator<Item = SampleEvent> + Send>,
    pub framing: Framings,
}

/// How values name their schema.
#[derive(Debug, Clone, Copy)]
pub struct Framings {
    orders: Framing,
    runs: Framing,
}

/// A record that is ready to be sent.
pub struct Encoded {
    pub stream: Stream,
    pub key: String,
    pub value: Vec<u8>,
}

impl Framings {
    async fn of(load: LoadKind, servers: &Servers, topics: [&str; 2]) -> Result<Framings> {
        let json = |stream| newest(stream).map_or("", |bundled| bundled.json);
        if load == LoadKind::Small {
            let framing =
                |stream| -> Result<Framing> { Ok(Framing::SingleObject(fingerprint(&Schema::parse(json(stream))?))) };
            return Ok(Framings { orders: framing(Stream::Orders)?, runs: framing(Stream::Runs)? });
        }
        let url = Some(servers.registry.clone().into());
        let client = RegistryClient::new(&RegistrySettings { url, ..RegistrySettings::default() })?;
        let [orders, runs] = topics;
        let orders = client.register(&format!("{orders}-value"), json(Stream::Orders)).await?;
        let runs = client.register(&format!("{runs}-value"), json(Stream::Runs)).await?;
        Ok(Framings { orders: Framing::Confluent(orders), runs: Framing::Confluent(runs) })
    }

    pub fn encode(&self, event: &SampleEvent) -> Result<Encoded> {
        Ok(match event {
            SampleEvent::Order(event) => Encoded {
                stream: Stream::Orders,
                key: event.provider_order_id.to_string(),
                value: encode_order(event, self.orders)?,
            },
            SampleEvent::Run(run) => {
                Encoded { stream: Stream::Runs, key: run.run_id.to_string(), value: encode_run(run, self.runs)? }
            }
        })
    }
}

impl Log {
    /// Makes the topics `NAME-orders` and `NAME-runs`, and writes so many events. They end about now.
    pub async fn write(servers: &Servers, settings: &Settings, load: LoadKind, name: &str, events: u64) -> Result<Log> {
        let (orders, runs) = (format!("{name}-orders"), format!("{name}-runs"));
        create_topics(servers, [&orders, &runs], settings.partitions).await?;
        let framing = Framings::of(load, servers, [&orders, &runs]).await?;
        let behind = i64::try_from(events)?.saturating_mul(STEP_MICROS);
        let now = Timestamp::from_datetime(Utc::now());
        let base =
            Timestamp::from_micros(now.micros().saturating_sub(behind)).ok_or("the log would begin too early")?;
        let rest = load.events(base, settings.providers);
        let facts = Load {
            name: load.name().to_owned(),
            about: load.about().to_owned(),
            seed: SEED,
            events,
            runs: 0,
            orders: 0,
            partitions: settings.partitions,
            value_bytes_mean: 0.0,
        };
        let log = Log { load, orders, runs, events, facts, rest, framing };
        let producer = Producer::new(&servers.brokers, 20)?;
        eprintln!("writing {events} events of the load {} to {name}-…", load.name());
        tokio::task::spawn_blocking(move || log.fill(&producer)).await?
    }

    fn fill(mut self, producer: &Producer) -> Result<Log> {
        let (mut bytes, mut orders) = (0, HashSet::new());
        for _ in 0..self.events {
            let event = self.rest.next().ok_or("the load has ended")?;
            match &event {
                SampleEvent::Order(event) => drop(orders.insert(event.provider_order_id)),
                SampleEvent::Run(_) => self.facts.runs += 1,
            }
            let encoded = self.framing.encode(&event)?;
            bytes += encoded.value.len();
            producer.send(self.topic(encoded.stream), &encoded.key, &encoded.value, false)?;
        }
        producer.flush()?;
        self.facts.orders = orders.len() as u64;
        self.facts.value_bytes_mean = bytes as f64 / self.events as f64;
        Ok(self)
    }

    /// Adds runs of the samples, so that there are payloads to show.
    pub fn add_runs(&self, servers: &Servers, count: usize) -> Result<()> {
        let base = Timestamp::from_datetime(Utc::now());
        let runs = LoadKind::Publish.events(base, 0).filter(|event| matches!(event, SampleEvent::Run(_)));
        let producer = Producer::new(&servers.brokers, 20)?;
        for run in runs.take(count) {
            let encoded = self.framing.encode(&run)?;
            producer.send(self.topic(encoded.stream), &encoded.key, &encoded.value, false)?;
        }
        producer.flush()
    }

    pub fn topic(&self, stream: Stream) -> &str {
        match stream {
            Stream::Orders => &self.orders,
            Stream::Runs => &self.runs,
        }
    }

    /// How many of its events are of orders.
    pub fn order_events(&self) -> u64 {
        self.events - self.facts.runs
    }

    /// Each partition of the orders that has records, and the offset behind the last one.
    pub fn order_ends(&self, servers: &Servers) -> Result<Vec<(i32, i64)>> {
        ends(servers, &self.orders)
    }

    /// Offsets in both topics, all of which are records.
    pub fn records(&self, servers: &Servers) -> Result<u64> {
        let mut ends_of_both = ends(servers, &self.orders)?;
        ends_of_both.extend(ends(servers, &self.runs)?);
        Ok(ends_of_both.iter().map(|(_, end)| end.unsigned_abs()).sum())
    }
}

fn ends(servers: &Servers, topic: &str) -> Result<Vec<(i32, i64)>> {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &servers.brokers).create()?;
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let mut ends = Vec::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        let (first, end) = consumer.fetch_watermarks(topic, partition.id(), TIMEOUT)?;
        if end > first {
            ends.push((partition.id(), end));
        }
    }
    Ok(ends)
}

async fn create_topics(servers: &Servers, topics: [&str; 2], partitions: i32) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &servers.brokers).create()?;
    let topics = topics.map(|topic| {
        NewTopic::new(topic, partitions, TopicReplication::Fixed(1))
            .set("retention.ms", "-1")
            .set("cleanup.policy", "delete")
    });
    for created in admin.create_topics(&topics, &AdminOptions::new().operation_timeout(Some(TIMEOUT))).await? {
        created.map_err(|(topic, error)| format!("topic {topic} was not made: {error}"))?;
    }
    Ok(())
}
