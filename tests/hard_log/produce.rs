//! Writes the drafts: most plainly, some in transactions, some in transactions that are aborted.

use std::time::Duration;

use foldback::log::bootstrap::bootstrap_again;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer};
use tokio::task::JoinSet;

use crate::hard_log::meaning::{Draft, Headers, Meaning, Stored, Topic};

/// Longer than a broker takes to come back on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How many records are written before the next stretch, plain or in a transaction.
const STRETCH: usize = 150;

pub struct Topics {
    pub orders: String,
    pub runs: String,
}

impl Topics {
    pub fn name(&self, topic: Topic) -> &str {
        match topic {
            Topic::Orders => &self.orders,
            Topic::Runs => &self.runs,
        }
    }
}

/// Where everything was written.
pub struct Written {
    pub standing: Vec<Stored>,
    /// What nobody may see: a broker that is killed may leave out that it was aborted.
    pub aborted: Vec<Stored>,
}

/// Writes everything and says where it stands; what was aborted stands nowhere.
pub async fn produce(brokers: &str, topics: &Topics, log: Vec<Draft>) -> Vec<Stored> {
    produce_all(brokers, topics, log).await.standing
}

/// The same, and says where what was aborted lies.
pub async fn produce_all(brokers: &str, topics: &Topics, log: Vec<Draft>) -> Written {
    let plain = producer(brokers, None);
    let transactional = producer(brokers, Some(&format!("{}-publisher", topics.orders)));
    let mut helpers = JoinSet::new();
    for producer in [plain.clone(), transactional.clone()] {
        helpers.spawn(keep_in_touch(producer, brokers.to_owned()));
    }
    transactional.init_transactions(TIMEOUT).unwrap();
    let (aborted, standing): (Vec<_>, Vec<_>) = log.into_iter().partition(|d| matches!(d.meaning, Meaning::Aborted(_)));
    let mut aborted = aborted.chunks(3);

    let (mut stored, mut hidden) = (Vec::new(), Vec::new());
    for (number, stretch) in standing.chunks(STRETCH).enumerate() {
        if number % 3 == 1 {
            transactional.begin_transaction().unwrap();
            stored.extend(write(&transactional, topics, stretch).await);
            transactional.commit_transaction(TIMEOUT).unwrap();
        } else {
            stored.extend(write(&plain, topics, stretch).await);
        }
        if let Some(lost) = aborted.next() {
            hidden.extend(abort(&transactional, topics, lost).await);
        }
    }
    // the log ends in records that nobody may see, and in markers
    let rest: Vec<Draft> = aborted.flatten().cloned().chain(one_per_partition(&stored)).collect();
    hidden.extend(abort(&transactional, topics, &rest).await);
    Written { standing: stored, aborted: hidden }
}

/// Until it is dropped: a client that met a broker which was just starting may know none any more.
async fn keep_in_touch(producer: FutureProducer, brokers: String) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        bootstrap_again(producer.client(), &brokers);
    }
}

/// In a transaction that changes nothing: a copy of a record for each partition of both topics.
fn one_per_partition(stored: &[Stored]) -> Vec<Draft> {
    let mut copies: Vec<Draft> = Vec::new();
    for Stored { draft, .. } in stored {
        if !copies.iter().any(|copy| copy.topic == draft.topic && copy.partition == draft.partition) {
            copies.push(draft.clone());
        }
    }
    copies
}

async fn abort(producer: &FutureProducer, topics: &Topics, drafts: &[Draft]) -> Vec<Stored> {
    producer.begin_transaction().unwrap();
    let mut hidden = write(producer, topics, drafts).await;
    producer.abort_transaction(TIMEOUT).unwrap();
    for Stored { draft, .. } in &mut hidden {
        if let Meaning::Aborted(meaning) = &draft.meaning {
            draft.meaning = Meaning::clone(meaning);
        }
    }
    hidden
}

async fn write(producer: &FutureProducer, topics: &Topics, drafts: &[Draft]) -> Vec<Stored> {
    let sent: Vec<DeliveryFuture> =
        drafts.iter().map(|draft| send(producer, topics.name(draft.topic), draft)).collect();
    let mut stored = Vec::new();
    for (draft, delivery) in drafts.iter().zip(sent) {
        let delivery = delivery.await.unwrap().unwrap_or_else(|(error, _)| panic!("not delivered: {error}"));
        assert_eq!(delivery.partition, draft.partition);
        let topic_name = topics.name(draft.topic).to_owned();
        stored.push(Stored { draft: draft.clone(), topic_name, offset: delivery.offset });
    }
    stored
}

fn send(producer: &FutureProducer, topic: &str, draft: &Draft) -> DeliveryFuture {
    let mut record: FutureRecord<'_, [u8], [u8]> =
        FutureRecord::to(topic).partition(draft.partition).timestamp(draft.timestamp_millis);
    record.key = draft.key.as_deref();
    record.payload = draft.value.as_deref();
    if !draft.headers.is_empty() {
        record.headers = Some(headers(&draft.headers));
    }
    producer.send_result(record).unwrap_or_else(|(error, _)| panic!("not sent: {error}"))
}

fn headers(headers: &Headers) -> OwnedHeaders {
    let insert = |all: OwnedHeaders, (key, value): &(String, Option<Vec<u8>>)| {
        all.insert(Header { key, value: value.as_deref() })
    };
    headers.iter().fold(OwnedHeaders::new(), insert)
}

fn producer(brokers: &str, transactional_id: Option<&str>) -> FutureProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("enable.idempotence", "true").set("linger.ms", "2");
    config.set("compression.type", "lz4");
    if let Some(id) = transactional_id {
        // Also how long a record may take: a broker that is made to crash needs a while on a busy machine.
        config.set("transactional.id", id).set("transaction.timeout.ms", "240000");
    }
    config.create().expect("a producer")
}
