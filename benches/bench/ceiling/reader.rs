//! Reads the orders of a log and decodes them, with the settings of foldback's own consumers, and nothing else.

use std::time::Duration;

use foldback::codec::{Decode, Decoded, Decoder, Limits};
use foldback::domain::change::HistoryEntry;
use foldback::domain::log::record::{RawRecord, Stream};
use foldback::log::fetch::raw_record;
use foldback::registry::{Registry, RegistrySettings, Resolution};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Handle;

use crate::Result;
use crate::servers::Servers;

const SETTINGS: [(&str, &str); 11] = [
    ("group.id", "foldback-bench"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("check.crcs", "true"),
    ("fetch.queue.backoff.ms", "5"),
    ("fetch.wait.max.ms", "100"),
    ("queued.max.messages.kbytes", "32768"),
    ("queued.min.messages", "20000"),
    ("socket.keepalive.enable", "true"),
];
const POLL: Duration = Duration::from_millis(100);

/// Decodes, and asks the registry for what it doesn't know yet.
#[derive(Clone)]
pub struct Decoding {
    decoder: Decoder,
    registry: Registry,
    handle: Handle,
}

impl Decoding {
    pub fn new(servers: &Servers) -> Result<Decoding> {
        let decoder = Decoder::new(Limits::default());
        let url = Some(servers.registry.clone().into());
        let settings = RegistrySettings { url, ..RegistrySettings::default() };
        let registry = Registry::new(&settings, decoder.clone())?;
        Ok(Decoding { decoder, registry, handle: Handle::current() })
    }

    /// `None` for a record that is refused. Outside of the runtime's own threads.
    pub fn entry(&self, record: &RawRecord) -> Option<HistoryEntry> {
        loop {
            match self.decoder.decode(record) {
                Decode::Event(Decoded::Order(event)) => {
                    let (position, recorded_at) = (record.position, record.recorded_at);
                    return Some(HistoryEntry { event: *event, position, recorded_at });
                }
                Decode::NeedsSchema(id) => match self.handle.block_on(self.registry.resolve(id)) {
                    Resolution::Ready => {}
                    Resolution::Refused(_) => return None,
                },
                _ => return None,
            }
        }
    }
}

/// Some partitions of a topic, from their beginning to their ends.
pub struct Reader {
    consumer: BaseConsumer,
    open: Vec<(i32, i64)>,
}

impl Reader {
    /// `partitions`: each with the offset behind its last record.
    pub fn new(servers: &Servers, topic: &str, partitions: &[(i32, i64)]) -> Result<Reader> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &servers.brokers);
        for (name, value) in SETTINGS {
            config.set(name, value);
        }
        let consumer: BaseConsumer = config.create()?;
        let mut list = TopicPartitionList::new();
        for (partition, _) in partitions {
            list.add_partition_offset(topic, *partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        Ok(Reader { consumer, open: partitions.to_vec() })
    }

    /// Hands each record over, in the order of its partition.
    pub fn read(&mut self, mut each: impl FnMut(&BorrowedMessage<'_>) -> Result<()>) -> Result<()> {
        while !self.open.is_empty() {
            let Some(message) = self.consumer.poll(POLL) else { continue };
            let message = message?;
            each(&message)?;
            let (partition, next) = (message.partition(), message.offset() + 1);
            self.open.retain(|(open, end)| *open != partition || next < *end);
        }
        Ok(())
    }
}

/// The record of a message of the orders topic.
pub fn record(message: &BorrowedMessage<'_>) -> RawRecord {
    raw_record(Stream::Orders, message)
}
