//! What `foldback::log` says of a real log: bounds, moments, records by position, samples, and a reader that is given
//! its partitions. The log has transactions, aborted and open ones too.
//!
//! Needs FOLDBACK_TEST_* (./dev/test sets them).

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{Stack, admin, eventually};
use foldback::config::kafka::Kafka;
use foldback::domain::log::partition::StreamPartition;
use foldback::domain::log::position::Position;
use foldback::domain::log::positions::LogPosition;
use foldback::domain::log::record::{RawRecord, Stream, Topics};
use foldback::domain::timestamp::Timestamp;
use foldback::log::fetch::{FetchError, Fetcher, fetch_records};
use foldback::log::survey::ends_client::EndsClient;
use foldback::log::survey::offsets::offsets_at;
use foldback::log::survey::probe::{SampleBounds, sample};
use foldback::log::survey::{SurveyError, TopicSurvey, survey};
use foldback::log::{Control, DecodedRecord, Delivery, PartitionSource, Reader, ReaderSettings, RecordDecoder};
use foldback::observe::Readiness;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const TIMEOUT: Duration = Duration::from_secs(30);
/// 2023-11-14T22:13:20Z; record number n of a partition is n seconds later.
const EPOCH_MILLIS: i64 = 1_700_000_000_000;
/// Records of partition 1, more than are read through to get from one to another.
const MANY: usize = 12_000;

fn orders(partition: i32) -> StreamPartition {
    StreamPartition { stream: Stream::Orders, index: partition }
}

fn kafka(stack: &Stack) -> Kafka {
    Kafka {
        brokers: stack.servers.kafka.clone(),
        group: stack.group.clone(),
        orders_topic: stack.orders_topic.clone(),
        runs_topic: stack.runs_topic.clone(),
        properties: BTreeMap::new(),
    }
}

fn topics(stack: &Stack) -> Topics {
    Topics { orders: stack.orders_topic.clone(), runs: stack.runs_topic.clone() }
}

pub fn settings(stack: &Stack, source: PartitionSource) -> ReaderSettings {
    ReaderSettings {
        kafka: kafka(stack),
        topics: topics(stack),
        source,
        linger: Duration::from_millis(5),
        records_max: 1_000,
        bytes_max: 1 << 20,
        queue_bytes_max: 1 << 22,
        kafka_queue_kbytes: Some(256),
        drain_timeout: Duration::from_secs(5),
    }
}

fn producer(stack: &Stack, transactional_id: Option<&str>) -> FutureProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &stack.servers.kafka).set("enable.idempotence", "true");
    if let Some(id) = transactional_id {
        config.set("transactional.id", format!("{}-{id}", stack.name));
    }
    let producer: FutureProducer = config.create().unwrap();
    if transactional_id.is_some() {
        producer.init_transactions(TIMEOUT).unwrap();
        producer.begin_transaction().unwrap();
    }
    producer
}

/// Records `numbers`, whose keys and times tell their numbers.
async fn write(stack: &Stack, producer: &FutureProducer, partition: i32, numbers: std::ops::Range<usize>) {
    let mut sent = Vec::new();
    for number in numbers {
        let (key, time) = (number.to_string(), EPOCH_MILLIS + i64::try_from(number).unwrap() * 1_000);
        let record =
            FutureRecord::to(&stack.orders_topic).partition(partition).key(&key).payload("value").timestamp(time);
        sent.push(producer.send_result(record).map_err(|(error, _)| error).unwrap());
    }
    for delivery in sent {
        delivery.await.unwrap().unwrap();
    }
}

/// Partition 0: 0 to 20 plain, 20 to 25 in a transaction, a marker, three aborted, a marker, record 25 at offset 30.
/// Partition 1: many. Partition 2: 0 to 2 plain, 2 to 5 in an open transaction, whose producer is given. 3: nothing.
async fn written(stack: &Stack) -> FutureProducer {
    let plain = producer(stack, None);
    write(stack, &plain, 0, 0..20).await;
    let committed = producer(stack, Some("committed"));
    write(stack, &committed, 0, 20..25).await;
    committed.commit_transaction(TIMEOUT).unwrap();
    ends_at(stack, 0, 26).await;
    let aborted = producer(stack, Some("aborted"));
    write(stack, &aborted, 0, 900..903).await;
    aborted.abort_transaction(TIMEOUT).unwrap();
    ends_at(stack, 0, 30).await;
    write(stack, &plain, 0, 25..26).await;
    write(stack, &plain, 1, 0..MANY).await;
    write(stack, &plain, 2, 0..2).await;
    let open = producer(stack, Some("open"));
    write(stack, &open, 2, 2..5).await;
    open
}

/// Markers come a moment after the word that a transaction has ended.
async fn ends_at(stack: &Stack, partition: usize, offset: i64) {
    eventually(TIMEOUT, || async {
        let end = surveyed(stack).await.partitions[partition].end;
        if end == offset { Ok(()) } else { Err(end) }
    })
    .await;
}

async fn surveyed(stack: &Stack) -> TopicSurvey {
    survey(&kafka(stack), &topics(stack), TIMEOUT).await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_tells_bounds_ids_and_settings() {
    let stack = Stack::new().await;
    let open = written(&stack).await;
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &stack.servers.kafka).create().unwrap();
    let mut deleted = TopicPartitionList::new();
    deleted.add_partition_offset(&stack.orders_topic, 1, Offset::Offset(10)).unwrap();
    admin.delete_records(&deleted, &AdminOptions::new()).await.unwrap();

    let surveys = survey(&kafka(&stack), &topics(&stack), TIMEOUT).await.unwrap();
    let [orders, runs] = surveys.as_slice() else { panic!("{surveys:?}") };
    let bounds: Vec<(i64, i64)> = orders.partitions.iter().map(|it| (it.log_start, it.end)).collect();
    assert_eq!(bounds, [(0, 31), (10, i64::try_from(MANY).unwrap()), (0, 2), (0, 0)]);
    assert_eq!((orders.stream, orders.topic.as_str()), (Stream::Orders, stack.orders_topic.as_str()));
    assert_eq!((runs.stream, runs.partitions.len()), (Stream::Runs, 4));
    assert_eq!(orders.cleanup_policy.as_deref(), Some("delete"));
    let (id, other) = (orders.topic_id.clone().unwrap(), runs.topic_id.clone().unwrap());
    assert_eq!(id.len(), 22, "{id}");
    assert_ne!(id, other);
    open.commit_transaction(TIMEOUT).unwrap();
    ends_at(&stack, 2, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_names_what_is_not_there() {
    let stack = Stack::new().await;
    let nowhere = Kafka { brokers: "127.0.0.1:1".into(), ..kafka(&stack) };
    let error = survey(&nowhere, &topics(&stack), Duration::from_millis(500)).await.unwrap_err();
    assert!(matches!(error, SurveyError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    let missing = Topics { orders: "no-such-topic".into(), ..topics(&stack) };
    let error = survey(&kafka(&stack), &missing, TIMEOUT).await.unwrap_err().to_string();
    assert!(error.contains("no-such-topic") && error.contains("kafka.orders_topic"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_has_an_offset_in_each_partition() {
    let stack = Stack::new().await;
    let _open = written(&stack).await;
    let all: Vec<StreamPartition> = (0..4).map(orders).collect();
    let at = async |millis: i64| {
        let time = Timestamp::from_micros(millis * 1_000).unwrap();
        let found = offsets_at(&kafka(&stack), &topics(&stack), &all, time, TIMEOUT).await.unwrap();
        assert!(found.iter().map(|(partition, _)| *partition).eq(all.iter().copied()));
        found.into_iter().map(|(_, offset)| offset).collect::<Vec<i64>>()
    };
    let many = i64::try_from(MANY).unwrap();
    assert_eq!(at(EPOCH_MILLIS).await, [1, 1, 1, 0]);
    assert_eq!(at(EPOCH_MILLIS - 1).await, [0, 0, 0, 0]);
    assert_eq!(at(EPOCH_MILLIS + 4_500).await, [5, 5, 2, 0], "the third record of partition 2 is not decided");
    assert_eq!(at(EPOCH_MILLIS + 22_000).await, [23, 23, 2, 0]);
    // The markers are of today, and say nothing of the record that follows them.
    assert_eq!(at(EPOCH_MILLIS + 24_000).await, [30, 25, 2, 0]);
    assert_eq!(at(EPOCH_MILLIS + 25_000).await, [31, 26, 2, 0]);
    assert_eq!(at(EPOCH_MILLIS * 2).await, [31, many, 2, 0], "in the future");
    assert_eq!(at(-EPOCH_MILLIS).await, [0, 0, 0, 0], "before all times of Kafka");
    assert_eq!(at(Timestamp::MAX.micros() / 1_000).await, [31, many, 2, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_fetched_by_position() {
    let stack = Stack::new().await;
    let _open = written(&stack).await;
    let settings = settings(&stack, PartitionSource::Group);
    let last = i64::try_from(MANY).unwrap() - 1;
    let wanted =
        [(1, last), (0, 30), (2, 1), (1, 0), (0, 24), (0, 3), (1, 7), (0, 3)].map(|(at, offset)| (orders(at), offset));
    let fetched = {
        let settings = settings.clone();
        tokio::task::spawn_blocking(move || fetch_records(&settings, &wanted, TIMEOUT)).await.unwrap().unwrap()
    };
    let key = |record: &RawRecord| String::from_utf8(record.key.clone().unwrap().to_vec()).unwrap();
    let seen: Vec<(i32, i64, String)> =
        fetched.iter().map(|it| (it.position.partition, it.position.offset, key(it))).collect();
    let expected = [(0, 3, 3), (0, 24, 24), (0, 30, 25), (1, 0, 0), (1, 7, 7), (1, last, last), (2, 1, 1)];
    assert_eq!(seen, expected.map(|(partition, offset, number)| (partition, offset, number.to_string())));

    let one = [(orders(1), 5_000)];
    let one = {
        let settings = settings.clone();
        tokio::task::spawn_blocking(move || fetch_records(&settings, &one, TIMEOUT)).await.unwrap().unwrap()
    };
    assert_eq!(one[0].position, Position { partition: 1, offset: 5_000 });
    // Offset 25 is a transaction's marker.
    let marker = move || fetch_records(&settings, &[(orders(0), 25), (orders(1), 0)], TIMEOUT);
    let error = tokio::task::spawn_blocking(marker).await.unwrap().unwrap_err();
    assert!(matches!(error, FetchError::Gone { partition: 0, offset: 25, .. }), "{error}");
}

/// Deleted at the log's start, never there at its end, and no record at all in between.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_no_longer_holds_is_not_waited_for() {
    let stack = Stack::new().await;
    let _open = written(&stack).await;
    let mut bounds = TopicPartitionList::new();
    bounds.add_partition_offset(&stack.orders_topic, 1, Offset::Offset(10)).unwrap();
    admin(&stack.servers.kafka).delete_records(&bounds, &AdminOptions::new()).await.unwrap();
    let settings = settings(&stack, PartitionSource::Group);
    let wanted = [(1, 3), (1, 9), (1, 10), (1, 7_000), (1, 1 << 40), (0, 25), (0, 30), (2, 0)]
        .map(|(at, offset)| (orders(at), offset));
    let present = move || Fetcher::connect(&settings)?.fetch_present(&wanted, TIMEOUT);
    let present = tokio::task::spawn_blocking(present).await.unwrap().unwrap();
    assert_eq!(places(&present), [(0, 30), (1, 10), (1, 7_000), (2, 0)]);
}

/// Whatever is still on its way from the reading before.
#[tokio::test(flavor = "multi_thread")]
async fn one_consumer_reads_again_and_again() {
    let stack = Stack::new().await;
    let _open = written(&stack).await;
    let settings = settings(&stack, PartitionSource::Group);
    let fetched = tokio::task::spawn_blocking(move || {
        let fetcher = Fetcher::connect(&settings).unwrap();
        let fetch = |wanted: &[(i32, i64)]| {
            let wanted: Vec<_> = wanted.iter().map(|(at, offset)| (orders(*at), *offset)).collect();
            places(&fetcher.fetch_present(&wanted, TIMEOUT).unwrap())
        };
        // Back and forth, in one partition and in others.
        let again = [vec![(1, 5_000)], vec![(1, 3)], vec![(1, 4), (1, 6_999)], vec![(1, 0), (0, 3)], vec![(2, 1)]];
        for wanted in again.iter().cycle().take(50) {
            let mut expected = wanted.clone();
            expected.sort_unstable();
            assert_eq!(fetch(wanted), expected);
        }
    });
    fetched.await.unwrap();
}

fn places(records: &[RawRecord]) -> Vec<(i32, i64)> {
    records.iter().map(|record| (record.position.partition, record.position.offset)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_stands_for_a_topic() {
    let stack = Stack::new().await;
    let _open = written(&stack).await;
    let topic = surveyed(&stack).await;
    let look = |bounds: SampleBounds| {
        let (kafka, topic) = (kafka(&stack), topic.clone());
        tokio::task::spawn_blocking(move || {
            let mut seen = Vec::new();
            let sample = sample(&kafka, &topic, bounds, |record| seen.push(record.position)).unwrap();
            (sample, seen)
        })
    };
    let bounds = SampleBounds { time_max: TIMEOUT, ..SampleBounds::default() };
    let (some, seen) = look(bounds).await.unwrap();
    assert_eq!(some.records, seen.len() as u64);
    assert!((800..=2_000).contains(&some.records), "{some:?}");
    assert!(seen.iter().any(|at| at.partition == 1 && at.offset > 9_000), "late places are seen too");
    let bytes = some.bytes_of(1).unwrap();
    assert!((256 + 6..256 + 11).contains(&bytes), "{some:?}");
    let all = SampleBounds { records_max: 1 << 20, bytes_max: 1 << 30, ..bounds };
    let (whole, mut seen) = look(all).await.unwrap();
    assert_eq!((whole.records, whole.offsets), (26 + 2 + MANY as u64, 31 + 2 + MANY as u64));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len() as u64, whole.records, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_of_all_partitions_are_asked_at_once() {
    let stack = Stack::new().await;
    let _open = written(&stack).await;
    let mut client = EndsClient::new(&kafka(&stack)).unwrap();
    let asked = tokio::task::spawn_blocking(move || {
        let there = client.ends(&[orders(0), orders(2)], TIMEOUT);
        // The leaders of these are looked for in vain.
        let some_missing = [orders(0), orders(2), orders(77)];
        let (once, again) = (client.ends(&some_missing, TIMEOUT), client.ends(&some_missing, TIMEOUT));
        (there, once, again, client.partition_counts(TIMEOUT).unwrap())
    });
    let (there, _, again, counts) = asked.await.unwrap();
    assert!(there.failed.is_none(), "{there:?}");
    let ends = |partition| (there.ends[&orders(partition)].last_stable, there.ends[&orders(partition)].high_watermark);
    assert_eq!((ends(0), ends(2)), ((31, 31), (2, 5)), "a transaction is open in partition 2");
    assert_eq!((again.ends.len(), again.failed.is_some()), (2, true), "one without an answer holds up no other");
    assert_eq!(counts[&stack.orders_topic], 4);
}

/// Takes every record as it is.
pub struct Whole;

impl RecordDecoder for Whole {
    type Item = RawRecord;

    fn decode(&self, record: RawRecord) -> DecodedRecord<RawRecord> {
        DecodedRecord::Item(record)
    }

    fn is_ready(&self, _token: u32) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_reads_the_partitions_that_it_is_given() {
    let stack = Stack::new().await;
    let _open = written(&stack).await;
    let (deliveries, mut queue) = tokio::sync::mpsc::unbounded_channel();
    let fixed = PartitionSource::Fixed(vec![orders(0), orders(2)]);
    let reader = Reader::start(settings(&stack, fixed), Readiness::default(), Whole, deliveries).unwrap();
    let mut passed = BTreeMap::from([(0, 3), (2, 0)]);
    let (mut claimed, mut keys, mut released) = (Vec::new(), Vec::new(), Vec::new());
    let work = async {
        while let Some(delivery) = queue.recv().await {
            match delivery {
                Delivery::Claim { partition, assignment, log_start, topic_id } => {
                    assert_eq!((log_start, topic_id.map(|id| id.len())), (0, Some(22)));
                    claimed.push(partition);
                    let position =
                        LogPosition { next_offset: passed[&partition.index], leader_epoch: None, last_record: None };
                    reader.controls.send(Control::Granted { partition, assignment, position }).unwrap();
                }
                Delivery::Batch(batch) => {
                    for span in &batch.spans {
                        assert_eq!(passed.insert(span.partition.index, span.to), Some(span.from));
                    }
                    keys.extend(batch.items.iter().map(|it| (it.position.partition, it.key.clone().unwrap())));
                    reader.in_flight.fetch_sub(batch.bytes, Ordering::Relaxed);
                    let committed = batch.spans.iter().map(|span| (span.partition, span.to)).collect();
                    reader.controls.send(Control::Committed(committed)).unwrap();
                    if passed == BTreeMap::from([(0, 31), (2, 2)]) {
                        reader.controls.send(Control::Stop).unwrap();
                    }
                }
                Delivery::Release { partitions, done } => {
                    released.extend(partitions);
                    done.send(()).unwrap();
                }
                Delivery::End => break,
            }
        }
    };
    tokio::time::timeout(TIMEOUT, work).await.expect("it reads to the last stable offset and ends");
    assert_eq!(claimed, [orders(0), orders(2)]);
    assert_eq!(released[..2], [orders(0), orders(2)]);
    let of = |partition| keys.iter().filter(|(at, _)| *at == partition).count();
    assert_eq!((of(0), of(2)), (23, 2), "from the granted position to the last stable offset");
    assert_eq!(committed(&stack), [None, None], "the group's offsets are not touched");
}

/// Offsets of the group in partitions 0 and 2.
fn committed(stack: &Stack) -> [Option<i64>; 2] {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &stack.servers.kafka)
        .set("group.id", &stack.group)
        .create()
        .unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition(&stack.orders_topic, 0);
    asked.add_partition(&stack.orders_topic, 2);
    let found = consumer.committed_offsets(asked, TIMEOUT).unwrap();
    [0, 2].map(|partition| match found.find_partition(&stack.orders_topic, partition).unwrap().offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    })
}
